"""`python -m benchmarks [NAME…]`."""

if __name__ == "__main__":
    # Processes of a benchmark import this module again under another name: it must have nothing to do then.
    from benchmarks.suite import main

    raise SystemExit(main())
