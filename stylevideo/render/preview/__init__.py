"""A preview: a few frames of one clip in several looks, painted within a time."""
