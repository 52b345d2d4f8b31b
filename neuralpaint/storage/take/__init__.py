"""A take: a recorded training, every snapshot's weights in one file that grows as it is trained."""

from neuralpaint.storage.take.take import Take, is_take, load_take
from neuralpaint.storage.take.writer import Precision, TakeWriter

__all__ = ["Precision", "Take", "TakeWriter", "is_take", "load_take"]
