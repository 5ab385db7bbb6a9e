"""Odd clips, and damaged films."""
