"""The CNN engine: train a multi-output network on images."""
