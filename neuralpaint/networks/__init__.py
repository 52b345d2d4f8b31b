"""Networks: features to colours, one module per file."""

from neuralpaint.networks.buttons import Buttons
from neuralpaint.networks.coordinate import CoordinateModel
from neuralpaint.networks.mlp import MLP
from neuralpaint.networks.model import ColourModel
from neuralpaint.networks.siren import Siren
from neuralpaint.networks.skipconn import SkipConn

__all__ = ["MLP", "Buttons", "ColourModel", "CoordinateModel", "Siren", "SkipConn"]
