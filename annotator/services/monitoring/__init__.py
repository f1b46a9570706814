"""What operators see of a running project: damage, and the numbers of its work."""
