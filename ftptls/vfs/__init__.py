"""Filesystems that an avatar can be given: local folders, memory, and wrappers around them."""
