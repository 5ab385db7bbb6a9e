"""Where a clip's frames come from: the source, forwards and backwards, and what somebody has painted."""
