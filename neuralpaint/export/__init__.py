"""Export: the function f(x, y) -> (r, g, b) that a painting is, for other tools.

A painting is written down as a `formula` first, of which every format makes its own.
"""

from neuralpaint.export.formats import check_export, export_formats, export_painting

__all__ = ["check_export", "export_formats", "export_painting"]
