"""Frames whose results are given: how they spread over a shot, forwards and backwards, and how a loop closes."""
