"""Who is measured: all that are started here, or one that runs elsewhere."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ftptls.testing.certificates import Authority, KeyKind
from tests.bench import contenders
from tests.bench.clients import BenchError, Curl, Session, Target
from tests.bench.contenders import Contender
from tests.bench.subjects import Content, Load, Subject

Subjects = dict[KeyKind, list[Subject]]
"""By the kind of their keys."""


@contextmanager
def here(
    field: Sequence[Contender], kinds: set[KeyKind], load: Load
) -> Iterator[tuple[Subjects, Content]]:
    """Start every server, once for each kind of key; they serve one folder, which is told, too.

    Args:
        field: Which.
        kinds: Which kinds.
        load: What the folder has to have.
    """
    authority = Authority()
    with tempfile.TemporaryDirectory(prefix="ftptls-bench-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        content = Content.make(folder / "root", load)
        with (
            _started(field, authority, content, kinds & {KeyKind.RSA}) as rsa,
            _started(field, authority, content, kinds & {KeyKind.EC}) as ec,
        ):
            yield {**rsa, **ec}, content


@contextmanager
def _started(
    field: Sequence[Contender], authority: Authority, content: Content, kinds: set[KeyKind]
) -> Iterator[Subjects]:
    if not kinds:
        yield {}
        return
    (kind,) = kinds
    with contenders.running(field, authority, kind, content.folder) as servers:
        subjects = []
        for each in servers:
            place, user = each.place, each.contender.user
            target = Target("127.0.0.1", place.port, user, trusted=place.authority)
            name = each.contender.name
            subjects.append(Subject(name, target, content, each, authority=authority))
        yield {kind: subjects}


@contextmanager
def elsewhere(target: Target, folder: str, load: Load) -> Iterator[Subjects]:
    """Put what is downloaded onto a host, and remove it in the end.

    Args:
        target: The host.
        folder: Where on it, from where its user begins.
        load: How large the large file is.

    Raises:
        SystemExit: It cannot be reached, or takes nothing.
    """
    begin = f"{folder.rstrip('/')}/ftptls-bench-" if folder else "ftptls-bench-"
    with tempfile.TemporaryDirectory(prefix="ftptls-bench-") as made:
        content = Content.make(Path(made) / "root", replace(load, entries=0))
        subject = Subject(
            target.host,
            target,
            content,
            large=f"{begin}large",
            small=f"{begin}small",
            inbox=begin,
        )
        paths = [subject.large, subject.small]
        try:
            for name, path in zip(("large", "small"), paths, strict=True):
                Curl(target, private=True).upload(content.folder / name, path)
        except (BenchError, OSError) as error:
            raise SystemExit(f"{target.host} port {target.port}: {error}") from error
        try:
            yield {KeyKind.RSA: [subject]}
        finally:
            _remove(target, paths)


def _remove(target: Target, paths: Sequence[str]) -> None:
    try:
        with Session(target, target.context()) as session:
            for path in paths:
                session.ask(f"DELE {path}", 250)
            session.quit()
    except (BenchError, OSError) as error:
        print(f"{' and '.join(paths)} are left there: {error}", file=sys.stderr)
