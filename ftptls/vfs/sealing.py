"""How files are encrypted: in chunks, so that any part can be read without the rest.

A file is a header and records. Each record seals 64 KiB of the file (the last one what is
left, perhaps nothing) by AES-256-GCM with a random nonce. What a record is authenticated with,
besides its octets, is which one it is and whether it is the last; so records can be neither
exchanged nor cut off. Each file has a key of its own, derived by HKDF-SHA-256 from the
operator's key and a random salt in the header.

::

    header   magic (8)  key id (8)  salt (32)
    record   nonce (12)  ciphertext (up to 65536)  tag (16)
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ftptls.errors import PermanentError, TransientError

KEY_SIZE = 32
CHUNK = 1 << 16
_MAGIC = b"ftptls\x01\n"
_ID_SIZE = 8
_SALT_SIZE = 32
HEADER = len(_MAGIC) + _ID_SIZE + _SALT_SIZE
_NONCE = 12
_ADDED = _NONCE + 16
RECORD = CHUNK + _ADDED


def plain_size(stored: int) -> int:
    """Octets of a file of which so many are stored; 0 for what is too short to be one.

    The beginning of a record that holds nothing yet is none: the disk was full there.
    """
    records, rest = divmod(max(0, stored - HEADER), RECORD)
    return records * CHUNK + max(0, rest - _ADDED)


def last_chunk(size: int) -> int:
    """Which chunk is the last of a file of so many octets."""
    return max(0, size - 1) // CHUNK


def place(chunk: int) -> int:
    """Where the record of a chunk begins."""
    return HEADER + chunk * RECORD


class FileKey:
    """The key of one file.

    Args:
        header: The file's first octets, to be stored as they are.
        key: 32 octets.
    """

    def __init__(self, header: bytes, key: bytes) -> None:
        self.header = header
        self._cipher = AESGCM(key)

    def seal(self, chunk: int, data: bytes | bytearray, *, last: bool) -> bytes:
        """The record of a chunk."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, bytes(data), _where(chunk, last))

    def open(self, chunk: int, record: bytes, *, last: bool) -> bytes:
        """The chunk of a record.

        Raises:
            TransientError: 451, it is not the record that was stored there.
        """
        try:
            return self._cipher.decrypt(record[:_NONCE], record[_NONCE:], _where(chunk, last))
        except (InvalidTag, ValueError):  # ValueError: too short to have a tag
            raise TransientError(451, "The stored file is damaged; tell the operator.") from None


def _where(chunk: int, last: bool) -> bytes:
    return chunk.to_bytes(8, "big") + bytes([last])


class Keys:
    """The operator's keys.

    Args:
        keys: Of 32 octets each. New files get the first; the others are for older files.

    Raises:
        ValueError: There is none, or one of another length.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(each) != KEY_SIZE for each in keys):
            raise ValueError(f"a key must have {KEY_SIZE} octets")
        self._keys = {_derived(each, b"", b"ftptls key id", _ID_SIZE): each for each in keys}
        self._first = next(iter(self._keys))

    def new(self) -> FileKey:
        """The key of a new file."""
        salt = os.urandom(_SALT_SIZE)
        return self._file_key(_MAGIC + self._first + salt)

    def find(self, header: bytes) -> FileKey:
        """The key of a file that begins so.

        Raises:
            PermanentError: 550, it was not encrypted so, or with another key.
        """
        if len(header) < HEADER or not header.startswith(_MAGIC):
            raise PermanentError(550, "This file was not stored encrypted; tell the operator.")
        if header[len(_MAGIC) :][:_ID_SIZE] not in self._keys:
            raise PermanentError(550, "This file needs a key that is not here; tell the operator.")
        return self._file_key(header)

    def _file_key(self, header: bytes) -> FileKey:
        key = self._keys[header[len(_MAGIC) :][:_ID_SIZE]]
        return FileKey(header, _derived(key, header[-_SALT_SIZE:], b"ftptls file", KEY_SIZE))


def _derived(key: bytes, salt: bytes, purpose: bytes, size: int) -> bytes:
    return HKDF(SHA256(), size, salt, purpose).derive(key)
