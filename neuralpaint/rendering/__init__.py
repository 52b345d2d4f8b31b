"""Rendering: a painting seen through a canvas becomes a frame; which moments, from where."""
