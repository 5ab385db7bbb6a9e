"""What is asked for: clips, styles, settings and names; makes nothing."""
