"""Networks: features to colours, one module per file."""

from neuralpaint.networks.coordinate import CoordinateModel
from neuralpaint.networks.skipconn import SkipConn

__all__ = ["CoordinateModel", "SkipConn"]
