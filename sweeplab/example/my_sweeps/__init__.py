"""My own models and optimizers."""
