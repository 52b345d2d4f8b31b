"""Comparisons: of ways to learn one picture (a race), and of ways to upscale it.

Nothing is imported here, so that `neuralpaint compare --help` does not load torch.
"""
