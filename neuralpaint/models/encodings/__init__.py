"""Encodings: coordinates to features, one module per file; `encodings` has their names.

An encoding maps coordinates x and y, which broadcast against each other, to *parts*: tensors that
broadcast against each other too and whose concatenation along the last axis is the feature vector.
Each part is only as large as what it depends on: a feature of x alone over a grid has shape
(1, w, f), one of y alone (h, 1, f). A network multiplies each part with its own columns of a weight
matrix, so the full (h, w, features) input never exists.

What is named here needs no torch; the modules that do are imported by their own names.
"""

from neuralpaint.models.encodings.entries import EncodingSettings, FrequencyEncoding, encodings

__all__ = ["EncodingSettings", "FrequencyEncoding", "encodings"]
