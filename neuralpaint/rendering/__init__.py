"""Rendering: paintings become frames; cameras, paths, pacings and rhythms select their contents."""
