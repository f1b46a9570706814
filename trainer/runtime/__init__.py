"""What every command needs: files, errors, seeds, progress, threads, tensors on disk, several processes."""
