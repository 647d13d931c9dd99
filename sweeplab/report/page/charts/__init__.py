"""Charts of a sweep: tidy frames in, plotly's figures as plain dictionaries out, one module each."""
