"""One clip from source to film."""
