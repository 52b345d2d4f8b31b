"""Rendering: paintings become frames; cameras, code paths and pacings select their contents."""
