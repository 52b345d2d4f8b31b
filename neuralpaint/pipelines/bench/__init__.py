"""The bench: what a machine achieves, against its own limits and against a plain training loop."""
