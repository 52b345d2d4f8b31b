"""`explain`: a page that takes a trained network apart, layer by layer."""
