"""Stills: one frame in a picture file, of any size, with the tag that tells how it was made.

writer    StillWriter: takes a frame strip by strip, leaves a complete file or none
formats   which kinds of file there are: an entry for each
encoder   what a kind of file does with the rows that it is given
png       rows become a PNG as they come
tiff      rows become a TIFF as they come
bands     rows in strips of any height, worked on by several threads, in order
"""

from neuralpaint.image.stills.formats import (
    StillFormat,
    is_lossless,
    still_formats,
    still_suffixes,
)
from neuralpaint.image.stills.writer import StillWriter, check_still, save_still

__all__ = [
    "StillFormat",
    "StillWriter",
    "check_still",
    "is_lossless",
    "save_still",
    "still_formats",
    "still_suffixes",
]
