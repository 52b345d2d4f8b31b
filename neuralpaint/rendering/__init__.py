"""Rendering: paintings become frames; cameras, code paths and pacings choose what they show."""
