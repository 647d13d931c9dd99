"""The other side: an ordinary Hydra + Lightning project, written as the documentation of both teaches."""
