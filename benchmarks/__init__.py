"""The figures that the documents name, each measured beside a bare baseline in the same run."""
