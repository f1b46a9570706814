"""Agreement of labellers, and one answer from several."""
