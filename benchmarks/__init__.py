"""sweeplab measured against by-the-book Hydra + Lightning and bare PyTorch, both sides in one run.

`python -m benchmarks` runs all of it; `python -m benchmarks --help` says what there is.
"""
