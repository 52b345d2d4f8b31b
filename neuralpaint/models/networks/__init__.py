"""Networks: features to colours, one module per file."""

from neuralpaint.models.networks.buttons import Buttons
from neuralpaint.models.networks.coordinate import CoordinateModel
from neuralpaint.models.networks.mlp import MLP
from neuralpaint.models.networks.model import ColourModel
from neuralpaint.models.networks.siren import Siren
from neuralpaint.models.networks.skipconn import SkipConn

__all__ = ["MLP", "Buttons", "ColourModel", "CoordinateModel", "Siren", "SkipConn"]
