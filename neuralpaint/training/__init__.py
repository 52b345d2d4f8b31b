"""Training: a learner moves a model towards a target."""
