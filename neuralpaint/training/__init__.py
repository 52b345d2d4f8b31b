"""Training: a learner fits a model to a target."""
