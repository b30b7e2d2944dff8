"""From ``[[hooks]]`` to hooks; what cannot work is found at the start."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from typing import Any

from ftptls.hooks.programs import ProgramHook
from ftptls.interfaces import IHook
from ftptls.settings import EventKind, Hook, OnFailure, UploadMode


def make_hooks(hooks: Sequence[Hook], upload_mode: UploadMode, reactor: Any) -> list[IHook]:
    """The hooks of a server.

    Args:
        hooks: What is known of each.
        upload_mode: How the server writes uploads.
        reactor: What they run on.

    Raises:
        ValueError: One cannot work; the text is one sentence for the operator.
    """
    made: list[IHook] = []
    queues: set[str] = set()
    for at, hook in enumerate(hooks):
        try:
            _refuse_useless(hook, upload_mode, queues)
            made.append(_url_hook(hook, reactor) if hook.url else _program_hook(hook, reactor))
        except ValueError as error:
            raise ValueError(f"hooks[{at}]: {str(error).rstrip('.')}.") from None
    return made


def _refuse_useless(hook: Hook, upload_mode: UploadMode, queues: set[str]) -> None:
    if EventKind.UPLOAD_HELD in hook.kinds and upload_mode is UploadMode.DIRECT:
        raise ValueError(
            'files.upload_mode = "direct" shows uploads before they are whole, so they cannot be '
            'held (upload_held); make it "atomic"'
        )
    queue = os.path.realpath(hook.queue) if hook.queue else ""
    if queue in queues:
        raise ValueError(f"another hook has the queue {hook.queue}; name another file")
    queues |= {queue} if queue else set()


def _program_hook(hook: Hook, reactor: Any) -> IHook:
    name = hook.program[0]
    if not os.path.isabs(name) and os.path.dirname(name):
        raise ValueError(f"the program {name} needs its whole path, which begins with /")
    if shutil.which(name) is None:
        why = "may not be run" if os.path.exists(name) else "is not there"
        raise ValueError(f"the program {name} {why}; name one that can be run")
    return ProgramHook(
        reactor,
        hook.program,
        hook.kinds,
        timeout=hook.timeout,
        processes=hook.processes,
        waiting=hook.waiting,
        accept_on_failure=hook.on_failure is OnFailure.ACCEPT,
        sha256=hook.sha256,
    )


def _url_hook(hook: Hook, reactor: Any) -> IHook:
    # The HTTP client takes 100 ms to import, and few want it.
    from ftptls.hooks.posting import PostHook
    from ftptls.hooks.queue import Queue, objection
    from ftptls.hooks.signing import read_keys

    try:
        keys = read_keys(hook.key)
        authorities = _content(hook.authorities) if hook.authorities else b""
    except OSError as error:
        raise ValueError(f"{error.filename} cannot be read: {error.strerror}") from None
    why = objection(hook.queue)
    if why:
        raise ValueError(f"the queue {hook.queue} {why}; name another file")
    try:
        return PostHook(
            reactor,
            hook.url,
            hook.kinds,
            keys,
            Queue(hook.queue, hook.waiting),
            most=hook.waiting,
            timeout=hook.timeout,
            sha256=hook.sha256,
            authorities=authorities,
        )
    except ValueError:
        raise ValueError(f"{hook.authorities} holds no certificate in PEM") from None


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
