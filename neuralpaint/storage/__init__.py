"""Paintings, takes and checkpoints as files, and how an interrupted run is resumed."""
