"""What the operating system gives: files, processes, streams. Knows nothing of our work."""
