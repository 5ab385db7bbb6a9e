"""From finished frames to films and image sequences."""
