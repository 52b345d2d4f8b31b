"""Export: writes the function f(x, y) -> (r, g, b) of a painting as ONNX, GLSL, arrays or a page.

A painting is first converted to a `formula`, which each format then writes in its own way.
"""

from neuralpaint.export.formats import check_export, export_formats, export_painting

__all__ = ["check_export", "export_formats", "export_painting"]
