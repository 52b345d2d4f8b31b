"""Pictures: reading, writing, coordinates of pixels, masks, resampling and metrics."""
