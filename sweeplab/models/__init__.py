"""Networks for small images: (B, C, H, W) floats in, logits (B, num_classes) out. They know no seed and no data set."""
