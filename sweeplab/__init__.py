"""Declarative experiment sweeps. Importing this costs nothing; each part is imported where it is needed."""
