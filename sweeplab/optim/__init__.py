"""What torch does not ship around its optimizers: learning-rate schedules that know the length of the training."""
