"""Storage: paintings, takes and checkpoints as files, and how an interrupted run resumes."""
