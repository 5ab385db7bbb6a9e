"""Unfinished work on disk: frames, states, what they were made from, locks."""
