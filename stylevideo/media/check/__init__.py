"""Whether a film is right: one comparison with its source, at which the writer stops and which `verify` prints."""
