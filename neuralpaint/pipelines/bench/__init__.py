"""The bench: what this machine does, against its own limits and against a plain loop.

    bench        what is measured, in which order, and what is told while it goes on
    settings     what to measure, and where
    agenda       how long that takes, and how far it has come
    notes        what has been measured so far
    result       everything that was measured
    machine      what it runs on
    timing       how long something takes: warmed up, repeated, the median

    peak         how fast the machine multiplies matrices of the model's width
    demand       how many operations a training step needs
    speed        how long a step takes, and which share of the peak that is
    quality      PSNR while a model trains, by the clock
    curve        the best PSNR so far, over several trainings and pictures
    filming      what a frame costs: to render, to encode
    reference    the plain loop to compare with
    plot         PSNR over training time as a picture

Nothing is imported here, so that `neuralpaint bench --help` does not load torch.
"""
