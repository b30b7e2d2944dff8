"""Password hashes: made with Argon2id, verified in every form that other programs leave behind.

A password is octets, as the client sent them. One that is empty, longer than `LONGEST` octets
or has a NUL in it is nobody's: some hashes would end at the NUL, and long ones only cost time.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ftptls.errors import MissingExtraError
from ftptls.workers import BoundedWorkers

LONGEST = 1024

DUMMY = "*"
"""The stored hash of nobody, for names that nobody has: no password fits, at the same work."""

# The first makes new hashes. Of the others, as each program writes them: scrypt (Passlib's),
# $2b$ (bcrypt, htpasswd -B), $6$ and $5$ (crypt), PBKDF2 (Passlib's, Django's), and MD5.
_SCHEMES = (
    "argon2",
    "scrypt",
    "bcrypt",
    "sha512_crypt",
    "sha256_crypt",
    "pbkdf2_sha512",
    "pbkdf2_sha256",
    "pbkdf2_sha1",
    "django_pbkdf2_sha256",
    "apr_md5_crypt",
    "md5_crypt",
)
_WEAK = frozenset({"apr_md5_crypt", "md5_crypt"})

_MOST_ROUNDS = {"argon2": 32, "bcrypt": 16}  # bcrypt's is a power of two
_MOST_MEMORY = 1 << 20  # KiB
_LEAST_CHECKSUM = 16  # octets, or characters of base 64
_BCRYPT_READS = 72  # octets; it never looked at the rest


class PasswordError(ValueError):
    """A password that cannot be anybody's; says why."""


class HashError(ValueError):
    """A stored hash of no known form, or too costly; says so without showing it."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one Argon2id hash costs. OWASP's least, so that a busy server bears it.

    RFC 9106 §4 would rather have 65,536 KiB, 3 passes and 4 lanes: ten times the work.

    Attributes:
        memory: KiB.
        passes: Over that memory.
        lanes: That could be worked on at the same time.
    """

    memory: int = 19_456
    passes: int = 2
    lanes: int = 1


STANDARD = Cost()


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether it was the password.

    Attributes:
        ok: It was.
        upgraded: If so, and the stored hash is of an old form or of less work: a new one, to
            be stored instead.
    """

    ok: bool
    upgraded: str | None = None


def objection(password: bytes) -> str:
    """Why this cannot be a password; empty if it can."""
    if not password:
        return "a password cannot be empty"
    if len(password) > LONGEST:
        return f"a password has at most {LONGEST} octets"
    return "a password has no NUL in it" if b"\0" in password else ""


def hash_password(password: bytes, cost: Cost = STANDARD) -> str:
    """A new hash, with Argon2id and a salt of its own.

    Raises:
        PasswordError: It cannot be a password.
        MissingExtraError: The libraries are not installed.
    """
    why = objection(password)
    if why:
        raise PasswordError(why)
    return str(_context(cost).hash(password))


def verify(
    password: bytes, stored: str, cost: Cost = STANDARD, *, upgrade: bool = True
) -> Verified:
    """Whether a password is the one behind a stored hash; compared in constant time.

    It never is if it cannot be a password, or if the hash is of no known form (as `DUMMY`, or
    the ``!`` of a locked user); the work is done all the same, to take no less time.

    Args:
        password: As octets.
        stored: The hash.
        cost: Of a hash that is up to date.
        upgrade: Whether a new hash is made for an old one, which is as much work again.

    Raises:
        MissingExtraError: The libraries are not installed.
    """
    context = _context(cost)
    if objection(password) or _why_unusable(stored):
        context.verify(b"?", _decoy(cost))
        return Verified(ok=False)
    read = password[:_BCRYPT_READS] if stored.startswith("$2") else password
    if not context.verify(read, stored):
        return Verified(ok=False)
    outdated = upgrade and not _is_good(stored, cost)
    return Verified(ok=True, upgraded=hash_password(password, cost) if outdated else None)


def _is_good(stored: str, cost: Cost) -> bool:
    """Whether guessing it is at least as much work as guessing a new one."""
    if not stored.startswith("$argon2id$"):
        return False
    parsed = _context(cost).handler("argon2").from_string(stored)
    return bool(parsed.memory_cost * parsed.rounds >= cost.memory * cost.passes)


@lru_cache(maxsize=8)
def _decoy(cost: Cost) -> str:
    return hash_password(secrets.token_urlsafe().encode(), cost)


def check_hash(stored: str) -> str:
    """See that a hash, as of a file or an import, can be verified.

    Returns:
        What is weak about it, for the operator; empty if nothing is.

    Raises:
        HashError: It cannot.
        MissingExtraError: The libraries are not installed.
    """
    why = _why_unusable(stored)
    if why:
        raise HashError(why)
    scheme = _context(STANDARD).identify(stored)
    return "MD5 is quickly guessed; set the password anew" if scheme in _WEAK else ""


def _why_unusable(stored: str) -> str:
    context = _context(STANDARD)
    scheme = context.identify(stored)
    if scheme is None:
        return "not a password hash of a known form"
    try:
        parsed = context.handler(scheme).from_string(stored)
    except ValueError:
        return "a damaged password hash"
    # Argon2 makes tags of any length, and one of a single octet is soon guessed.
    if parsed.checksum is None or len(parsed.checksum) < _LEAST_CHECKSUM:
        return "a damaged password hash"
    return "a password hash that takes too long to verify" if _is_a_trap(scheme, parsed) else ""


def _is_a_trap(scheme: str, parsed: Any) -> bool:
    """Whether it demands an absurd amount of work: a stored hash says that itself."""
    if scheme == "scrypt":
        return bool(parsed.block_size * parsed.parallelism << parsed.rounds > _MOST_MEMORY * 8)
    memory = getattr(parsed, "memory_cost", 0)
    rounds = getattr(parsed, "rounds", 0)
    return bool(rounds > _MOST_ROUNDS.get(scheme, 5_000_000) or memory > _MOST_MEMORY)


def load() -> None:
    """See that the libraries that verify hashes are installed.

    Raises:
        MissingExtraError: They are not.
    """
    _context(STANDARD)


@lru_cache(maxsize=8)
def _context(cost: Cost) -> Any:
    try:
        import argon2  # noqa: F401 - Passlib looks for both only when they are needed
        import bcrypt  # noqa: F401
        from passlib.context import CryptContext
    except ImportError:
        raise MissingExtraError("passwords", "hash passwords") from None
    return CryptContext(
        schemes=_SCHEMES,
        argon2__type="ID",
        argon2__memory_cost=cost.memory,
        argon2__time_cost=cost.passes,
        argon2__parallelism=cost.lanes,
    )


class Hashing(BoundedWorkers):
    """Threads of their own for password hashes, and a queue that ends.

    A flood of logins fills this queue, and nothing else: transfers have other threads.

    Args:
        reactor: Where results are delivered.
        threads: How many hashes are worked on at once. Each takes a processor, and the
            memory of `cost`.
        queue: How many more may wait.
        cost: Of new hashes, and of old ones that are upgraded.
    """

    def __init__(
        self, reactor: Any, threads: int = 1, queue: int = 64, cost: Cost = STANDARD
    ) -> None:
        super().__init__(reactor, threads, queue)
        self.cost = cost

    async def verify(self, password: bytes, stored: str) -> Verified:
        """:func:`verify`, on a thread.

        Raises:
            BusyError: Too many wait already.
            MissingExtraError: The libraries are not installed.
        """
        return await self.run(verify, password, stored, self.cost)

    async def hash(self, password: bytes) -> str:
        """:func:`hash_password`, on a thread.

        Raises:
            BusyError: Too many wait already.
            PasswordError: It cannot be a password.
            MissingExtraError: The libraries are not installed.
        """
        return await self.run(hash_password, password, self.cost)
