"""Resume: what an interrupted run needs to continue."""
