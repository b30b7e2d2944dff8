"""Bytes to values and back: pure, without Twisted, clock or I/O."""
