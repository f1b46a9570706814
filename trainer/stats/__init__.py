"""Statistics that trainer and annotator share. NumPy only: importing it loads nothing else."""
