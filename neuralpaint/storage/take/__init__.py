"""Takes: a take contains the snapshots of a training, in one file that grows meanwhile."""

from neuralpaint.storage.take.take import Take, is_take_file, load_take
from neuralpaint.storage.take.writer import Precision, TakeWriter

__all__ = ["Precision", "Take", "TakeWriter", "is_take_file", "load_take"]
