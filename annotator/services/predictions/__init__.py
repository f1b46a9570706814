"""The predictions in use, and labels as columns for comparison with them."""
