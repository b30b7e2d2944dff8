"""Which texts of a certificate can be the name of a user.

A name is compared with the one in USER code point by code point, and nothing is folded. So
what only looks like a name is not taken for it; but people would take it for one, in the
log and in a store. Therefore a name consists of what can be seen, in one form only:

- 1 to 1024 characters in form NFKC, so no full-width letters and no ligatures;
- nothing that is invisible, controls the terminal or turns the direction of writing;
- of ASCII everything that is printed, of the rest letters, their marks and digits;
- all letters of one script, for a Cyrillic one among Latin ones is there to deceive.

A name wholly in another script may still look like a Latin one. It is another user's, and
the log shows it in escapes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

LONGEST = 1024

# Scripts that are written together (UTS #39 §5.1).
_TOGETHER = (
    frozenset({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}),
    frozenset({"CJK", "HANGUL"}),
    frozenset({"CJK", "BOPOMOFO"}),
)
# Letters and marks that show nothing (Default_Ignorable_Code_Point), as far as NFC keeps them.
_INVISIBLE = frozenset(
    (
        *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0),
        *range(0x180B, 0x1810),
        *range(0xFE00, 0xFE10),
        *range(0xE0100, 0xE01F0),
    )
)


def objection(text: str) -> str:
    """Why a text can be no user's name; empty if it can.

    The reason is for the log, and quotes nothing.
    """
    why = flaw(text)
    if why:
        return why
    if not all(_is_for_names(sign) for sign in text):
        return "there are characters in it besides letters, digits and the signs of ASCII"
    if not unicodedata.is_normalized("NFKC", text):
        return "it is not in the Unicode form NFKC"
    return "it mixes scripts" if _mixes_scripts(text) else ""


def flaw(text: str) -> str:
    """Why a text, such as a company's name, is not even to be looked at; empty if it is.

    It is less strict than :func:`objection`: any sign that can be seen, and words of
    different scripts.
    """
    if not text:
        return "it is empty"
    if len(text) > LONGEST:
        return f"it has more than {LONGEST} characters"
    if "\0" in text:
        return "there is a NUL in it"
    if not text.isprintable() or any(ord(sign) in _INVISIBLE for sign in text):
        return "there are characters in it that cannot be seen"
    if not unicodedata.is_normalized("NFC", text):
        return "it is not in the Unicode form NFC"
    return "a word in it mixes scripts" if any(map(_mixes_scripts, text.split())) else ""


def _is_for_names(sign: str) -> bool:
    return sign.isascii() or unicodedata.category(sign)[0] in "LMN"


def _mixes_scripts(text: str) -> bool:
    scripts = frozenset(_scripts(text))
    return len(scripts) > 1 and not any(scripts <= together for together in _TOGETHER)


def _scripts(text: str) -> Iterator[str]:
    """The script of each letter, and of each digit outside ASCII; their names begin with it."""
    for sign in text:
        kind = unicodedata.category(sign)
        if kind[0] == "L" or (kind == "Nd" and not sign.isascii()):
            yield unicodedata.name(sign, "?").partition(" ")[0]
