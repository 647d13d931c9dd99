"""What examples go through on the device before the model, in training and in evaluation.

A module of one's own takes normalised batches `(B, *shape)` and gives as many examples. If it has a method
`fit(train, folder)`, that is called before training: `train` is an `Evaluation` of the examples that are trained on,
unchanged and in a fixed order, `folder` the data set's cache, where what was fitted can be kept for other cells.
"""
