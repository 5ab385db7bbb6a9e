"""Hostile inputs, and a watcher of files, sockets and processes."""
