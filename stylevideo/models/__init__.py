"""VGG-19 and its weights. Knows no losses."""
