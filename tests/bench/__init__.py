"""Measurements against other servers, side by side in one run; recorded, never asserted."""
