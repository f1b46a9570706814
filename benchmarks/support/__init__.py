"""What benchmarks share: data, large projects, a measuring client, the report."""
