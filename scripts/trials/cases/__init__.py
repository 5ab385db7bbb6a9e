"""Faults that were found from outside, each made anew."""
