"""Cells on a Ray cluster, one as large as its nodes."""
