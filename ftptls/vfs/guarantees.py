"""What each filesystem guarantees, as the documents tell it; the contract suite holds it to that.

A test class of the suite names its row, and fails where the row says what is not so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from zope.interface import Interface

from ftptls.interfaces import (
    IGroups,
    IHardLinks,
    ILinks,
    ILocalPaths,
    IModes,
    IRealPaths,
    IResumable,
    ISetCreated,
    ISetTimes,
    ISpace,
    IUmask,
)

Optional = frozenset[type[Interface]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarantees:
    """A filesystem, in yes and no.

    Attributes:
        name: What it is called, in reStructuredText.
        atomic: Whether a whole upload shows only once it is complete.
        resumes: Whether files can be appended to, and uploads resumed.
        keeps_what_is_opened: Whether a reader goes on when its file is replaced or removed.
        renames_at_once: Whether what is renamed is the same file, not a copy.
        folds_case: Whether the case of names does not count.
        scans_lazily: Whether a listing is read piece by piece.
        lasts: Whether files outlast the program.
        provides: Optional interfaces.
    """

    name: str
    atomic: bool = True
    resumes: bool = True
    keeps_what_is_opened: bool = True
    renames_at_once: bool = True
    folds_case: bool = False
    scans_lazily: bool = True
    lasts: bool = True
    provides: Optional = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a filesystem around another one makes of its guarantees; the rest stays.

    Attributes:
        name: What it is called, in reStructuredText.
        about: What it is for.
        facts: Those of :class:`Guarantees` that become something else.
        adds: Optional interfaces that it provides in any case.
        loses: Optional interfaces that it never provides.
    """

    name: str
    about: str
    facts: Mapping[str, bool] = field(default_factory=dict)
    adds: Optional = frozenset()
    loses: Optional = frozenset()

    def of(self, inner: Guarantees) -> Guarantees:
        """The guarantees of both together."""
        provides = (inner.provides | self.adds) - self.loses
        return replace(inner, name=self.name, provides=provides, **self.facts)


_DISK: Optional = frozenset(
    {
        ISetTimes,
        IModes,
        IUmask,
        IGroups,
        ILinks,
        IHardLinks,
        ISpace,
        IRealPaths,
        ILocalPaths,
    }
)

LOCAL = Guarantees(name="``LocalFilesystem``", provides=_DISK)
LOCAL_RESUMING = replace(LOCAL, name="the same, ``atomic-resume``", provides=_DISK | {IResumable})
LOCAL_DIRECT = replace(LOCAL, name="the same, ``direct``", atomic=False)
MEMORY = Guarantees(
    name="``MemoryFilesystem``",
    lasts=False,
    provides=frozenset({ISetTimes, ISetCreated, IModes, IUmask, ISpace}),
)
S3 = Guarantees(name="``ObjectFilesystem``, S3", keeps_what_is_opened=False, renames_at_once=False)
FSSPEC = replace(S3, name="the same, fsspec", scans_lazily=False)
SHELL = Guarantees(
    name="``ShellFilesystem``",
    atomic=False,
    resumes=False,
    renames_at_once=False,
    scans_lazily=False,
)
TABLES = Guarantees(name="``TableFilesystem``", keeps_what_is_opened=False)

PROVIDERS = (LOCAL, LOCAL_RESUMING, LOCAL_DIRECT, MEMORY, S3, FSSPEC, SHELL, TABLES)
"""Filesystems that have files of their own."""

RESTRICTED = Changes(
    name="``Restricted``",
    about="What may be done depends on the path",
    loses=frozenset({IHardLinks}),
)
SUBTREE = Changes(name="``Subtree``", about="One folder is the whole", loses=frozenset({ILinks}))
MOUNTS = Changes(name="``Mounts``", about="Others take the place of folders")
CASE_FOLDING = Changes(
    name="``CaseFolding``",
    about="The case of names does not count",
    facts={"folds_case": True},
    adds=frozenset({IRealPaths}),
)
VERSIONS = Changes(name="``Versions``", about="What is overwritten is kept")
ENCRYPTED = Changes(
    name="``Encrypted``",
    about="The octets of files are stored encrypted",
    loses=frozenset({IResumable}),
)
QUOTA = Changes(name="``Quota``", about="Only so much may be stored", adds=frozenset({ISpace}))
HOOKED = Changes(name="``Hooked``", about="Others are told, and asked about uploads")

WRAPPERS = (RESTRICTED, SUBTREE, MOUNTS, CASE_FOLDING, VERSIONS, ENCRYPTED, QUOTA, HOOKED)
"""Filesystems around others."""
