"""What can go wrong here."""

from __future__ import annotations


class AuthorityError(ValueError):
    """Something that cannot be made or read; the text is a sentence that says what to do."""
