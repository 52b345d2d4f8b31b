"""HTML pages without other files: their common template and style."""
