"""Super-resolution: a picture made larger from nothing but itself."""
