"""Which images belong together: membership, near-duplicates, and the balance of the splits."""
