"""What torch does not ship: more optimizers, and learning-rate schedules that know the length of the training."""
