"""Cells as tasks of a Ray cluster: what the driver does, and what is done on a node."""
