"""`python -m sweeplab`."""

if __name__ == "__main__":
    # Each cell's process imports this module again under another name: it must have nothing to do then.
    from sweeplab.cli import main

    raise SystemExit(main())
