"""What is around a folder that is served, as the settings have it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ftptls.interfaces import IFilesystem, IWorkers
from ftptls.programs import ProgramError, printed
from ftptls.settings import Encryption, Files, UploadMode
from ftptls.vfs.encrypted import Encrypted
from ftptls.vfs.folding import CaseFolding
from ftptls.vfs.mounts import Mounts
from ftptls.vfs.sealing import KEY_SIZE, Keys
from ftptls.vfs.versions import Versions


def read_keys(settings: Encryption) -> Keys | None:
    """The operator's keys; None if nothing is to be encrypted. It blocks.

    Raises:
        ValueError: They cannot be had; one sentence says why.
    """
    keys: list[bytes] = []
    if settings.key_program:
        name = settings.key_program[0]
        try:
            keys += _parsed(printed(settings.key_program), f"The key program {name} prints")
        except ProgramError as error:
            raise ValueError(f"The key program {name} {error}.") from None
    for path in settings.key_files:
        try:
            with open(path, "rb") as file:
                keys += _parsed(file.read(), f"{path} holds")
        except OSError as error:
            raise ValueError(f"Cannot read the key file {path}: {error.strerror}.") from None
    return Keys(keys) if keys else None


def _parsed(text: bytes, where: str) -> Iterator[bytes]:
    """Keys by line; what is wrong is not repeated, for it may be a key almost."""
    found = 0
    for line in text.splitlines():
        if not line.strip() or line.startswith(b"#"):
            continue
        try:
            key = bytes.fromhex(line.strip().decode("ascii"))
        except ValueError:
            key = b""
        if len(key) != KEY_SIZE:
            raise ValueError(
                f"{where} a line that is no key: a key is {2 * KEY_SIZE} hexadecimal digits, as "
                f"'openssl rand -hex {KEY_SIZE}' makes them."
            )
        found += 1
        yield key
    if not found:
        raise ValueError(f"{where} no key; 'openssl rand -hex {KEY_SIZE}' makes one.")


@dataclass(frozen=True, slots=True)
class Layers:
    """How folders are served.

    Attributes:
        keys: With which files are encrypted; None leaves them clear.
        versions: How many old versions of a file are kept.
        fold_case: Whether the case of names does not count.
    """

    keys: Keys | None = None
    versions: int = 0
    fold_case: bool = False

    @classmethod
    def from_settings(cls, files: Files, encryption: Encryption) -> Layers:
        """As the settings have it; it blocks.

        Raises:
            ValueError: The keys cannot be had; one sentence says why.
        """
        keys = read_keys(encryption)
        if keys is not None and files.upload_mode is UploadMode.ATOMIC_RESUME:
            raise ValueError(
                "Encrypted uploads that broke off cannot be gone on with: with encryption, "
                'files.upload_mode must be "atomic" or "direct".'
            )
        return cls(keys, files.versions, files.fold_case)

    def around(
        self, root: IFilesystem, mounted: Mapping[str, IFilesystem], workers: IWorkers
    ) -> IFilesystem:
        """A filesystem of a folder, and others that are mounted in it by path.

        Args:
            root: Of the folder.
            mounted: The others.
            workers: Where they are encrypted.
        """
        filesystem = self._around_one(root, workers)
        if mounted:
            others = {point: self._around_one(each, workers) for point, each in mounted.items()}
            filesystem = Mounts({"/": filesystem, **others})
        return CaseFolding(filesystem) if self.fold_case else filesystem

    def _around_one(self, filesystem: IFilesystem, workers: IWorkers) -> IFilesystem:
        if self.keys is not None:
            filesystem = Encrypted(filesystem, self.keys, workers)
        return Versions(filesystem, self.versions) if self.versions else filesystem
