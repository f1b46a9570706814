"""Browse and review: lists of images with filters, the review queue, corrections, flags, label issues."""
