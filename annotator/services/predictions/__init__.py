"""The active predictions, and labels as columns to compare with them."""
