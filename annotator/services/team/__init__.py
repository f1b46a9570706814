"""A team's work: votes, aggregation, agreement, gold images, relabeling, class balance."""
