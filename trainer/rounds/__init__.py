"""One retrain round: fit an engine, predict every open cell, rank the images, write the predictions."""
