"""The network from scratch: every forward and backward pass in NumPy, each file one idea.

Read it in this order:

    layers          what a layer is: forward, and backward by the chain rule
    linear          weighted sums, where the learning happens
    activations     what bends them
    normalization   layers that keep their values at one scale
    dropout         layers that forget at random
    losses          how wrong the colours are, and which way is better
    optimizers      how the weights follow
    features        coordinates to what the first layer sees
    samples         what a batch is made of: pixels, or whole pictures under their codes
    network         the layers in a row
    learner         samples, shuffled, in batches: the training itself
    painting        what has been learned, to be looked at
    gradcheck       the proof that every backward pass is right

Where the weights begin is told in `neuralpaint.models.initialization`, for both engines.
`choices` finds these by the names that the command line knows, and `blas` has the matrix
products done by several threads.
"""
