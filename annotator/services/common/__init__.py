"""What several rooms share: the job queue, cached statistics, bulk reading, progress."""
