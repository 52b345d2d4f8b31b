"""Takes: a take contains the snapshots of a training, in one file that grows meanwhile."""

from neuralpaint.storage.take.take import Take, is_take, load_take
from neuralpaint.storage.take.writer import Precision, TakeWriter

__all__ = ["Precision", "Take", "TakeWriter", "is_take", "load_take"]
