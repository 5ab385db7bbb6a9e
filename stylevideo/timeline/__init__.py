"""Clips, rates, ranges and timecode as exact numbers; reads no files."""
