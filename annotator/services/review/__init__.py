"""Browse and review: image listing and filters, the review queue, corrections, flags, label issues."""
