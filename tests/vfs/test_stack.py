"""All layers at once, in the order in which the server puts them: the contract holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftptls.cred.realm import LocalRealm
from ftptls.interfaces import IFilesystem
from ftptls.settings import UploadMode
from ftptls.testing.filesystem import RealPathsContract
from ftptls.vfs.layers import Layers
from ftptls.vfs.ledger import Ledger
from ftptls.vfs.quota import Quotas
from ftptls.vfs.rights import Restricted, Rights
from ftptls.vfs.sealing import Keys
from tests.vfs.test_contract import LocalContract


class StackContract(LocalContract, RealPathsContract):
    """One user's files, as the server gives them to him."""

    folds_case = True
    keys = Keys([bytes(32)])
    # What is mounted would be in every listing.
    rights = Rights(["/** = full", "/mounted/** = nothing"])

    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        return self.fill(super().make_filesystem({}), content)

    def open(self) -> IFilesystem:
        mounted = self.folder / "mounted"
        mounted.mkdir(exist_ok=True)
        realm = LocalRealm(
            str(self.root),
            self.workers,
            upload_mode=self.upload_mode,
            mounts={"/mounted": str(mounted)},
            layers=Layers(self.keys, versions=2, fold_case=True),
            quotas=Quotas(Ledger(":memory:"), octets=1 << 30),
        )
        found: list[Any] = []
        realm.requestAvatar(b"alice", None, IFilesystem).addCallback(found.append)
        return Restricted(found[0][1], self.rights)


class TestStack(StackContract):
    pass


class TestStackDirect(StackContract):
    upload_mode = UploadMode.DIRECT
    atomic = False
