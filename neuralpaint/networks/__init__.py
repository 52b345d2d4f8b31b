"""Networks: features to colours, one module per file."""

from neuralpaint.networks.coordinate import CoordinateModel
from neuralpaint.networks.mlp import MLP
from neuralpaint.networks.siren import Siren
from neuralpaint.networks.skipconn import SkipConn

__all__ = ["MLP", "CoordinateModel", "Siren", "SkipConn"]
