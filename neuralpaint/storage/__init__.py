"""Files of paintings, takes and checkpoints, and the resumption of interrupted runs."""
