"""The pictures of README and docs/gallery.md, from one list of commands and captions."""
