"""What every command needs to run: files, errors, seeds, progress, threads, tensors on disk, several processes."""
