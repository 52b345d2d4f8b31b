"""Masks: what is unknown of a picture, drawn by name or read from a file.

    entries   the masks that are drawn, and the picture's own transparency, by name
    files     what a file says is unknown
    unknown   a name or a file becomes what is unknown of one picture, or is refused
    focus     a name or a file becomes how much each pixel counts
    orders    what is learned first and what later, by name or by a mask

A mask is float32 (height, width) in [0, 1]: 1 is unknown, 0 is known.
"""

from neuralpaint.image.masks.entries import Mask, Unknown, masks

__all__ = ["Mask", "Unknown", "masks"]
