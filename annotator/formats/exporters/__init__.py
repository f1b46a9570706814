"""What all exporters share."""
