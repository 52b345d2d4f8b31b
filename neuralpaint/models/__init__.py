"""Models: what can be trained, under one name each, with everything that shapes it.

model      what every model answers, and the registry
skipconn   fourier, skipconn
mlp        mlp
siren      siren
pyramid    pyramid, morph
buttons    buttons
"""

from neuralpaint.models.model import ActivationName, Model, NormName, models

from neuralpaint.models.skipconn import FourierModel, SkipConnModel  # isort: skip
from neuralpaint.models.mlp import MLPModel  # isort: skip
from neuralpaint.models.siren import SirenModel  # isort: skip
from neuralpaint.models.pyramid import MorphModel, PyramidModel  # isort: skip
from neuralpaint.models.buttons import ButtonsModel  # isort: skip

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
