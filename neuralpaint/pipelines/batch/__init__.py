"""Batch: one command on many pictures, as many at once as there is room for."""
