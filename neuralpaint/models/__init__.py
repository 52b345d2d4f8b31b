"""Models map (x, y), and optionally a code, to colours; each has a registered settings class.

model       base classes of the settings, and the registry
skipconn    fourier, skipconn
mlp         mlp, siren
per_pixel   pyramid, morph, buttons
encodings/  from coordinates to features
networks/   from features to colours
codes       albums: pictures and their codes
painting    a trained model with frozen weights

To add a model, register a subclass of `Model` in a new file and import it below.
"""

from neuralpaint.models.model import Model, models
from neuralpaint.models.networks import ActivationName, NormName

# In the order in which they are listed.
from neuralpaint.models.skipconn import FourierModel, SkipConnModel  # isort: skip
from neuralpaint.models.mlp import MLPModel, SirenModel  # isort: skip
from neuralpaint.models.per_pixel import ButtonsModel, MorphModel, PyramidModel  # isort: skip

__all__ = [
    "ActivationName",
    "ButtonsModel",
    "FourierModel",
    "MLPModel",
    "Model",
    "MorphModel",
    "NormName",
    "PyramidModel",
    "SirenModel",
    "SkipConnModel",
    "models",
]
