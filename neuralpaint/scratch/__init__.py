"""The network from scratch: every forward and backward pass in NumPy, one idea in each file.

Read it in this order:

    layers          what a layer is: forward, and backward by the chain rule; the linear layer
    activations     non-linear functions of single values
    regularization  normalization and dropout
    losses          the error of the colours, and its gradient
    optimizers      how weights follow their gradients
    features        coordinates to the inputs of the first layer
    network         the layers in sequence
    samples         the rows of a batch: pixels, or whole pictures and their codes
    learner         the training loop
    painting        a trained network, rendered
    gradcheck       a numerical test of every backward pass

`neuralpaint.models.networks` draws the initial weights for both engines.
"""
