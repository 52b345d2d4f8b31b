"""Inpainting: the unknown pixels of a picture, filled by what its known ones repeat.

    filling      a picture with a hole becomes one without
    refinement   the way from a smooth fill to a detailed one: less and less noise
    mixture      the Gaussians that patches are drawn from, and what each says of a patch
    structure    a first guess of which patches belong together
    patches      a picture cut into patches, and put together again
    push_pull    a smooth fill, as the start and as the membrane of the seam
    holes        how far it is into a hole
    seam         known pixels put back without a visible step

Nothing is imported here: the modules are imported by their own names, and all of them load torch.
"""
