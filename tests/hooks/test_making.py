"""Hooks from a configuration file; what cannot work is said in one sentence at the start."""

from __future__ import annotations

import pytest
from twisted.internet.testing import MemoryReactorClock

from ftptls import config
from ftptls.config import ConfigError
from ftptls.hooks.making import make_hooks
from ftptls.hooks.posting import PostHook
from ftptls.hooks.programs import ProgramHook
from ftptls.service import make_service
from ftptls.settings import (
    EventKind,
    Files,
    Hook,
    OnFailure,
    Policy,
    Requirement,
    Settings,
    UploadMode,
)

KEY = "whsec_" + "c2VjcmV0" * 5


@pytest.fixture
def load(tmp_path):
    """Settings of a file with these lines in a ``[[hooks]]``."""

    def make(*lines: str) -> tuple[Hook, ...]:
        path = tmp_path / "ftptls.toml"
        path.write_text("\n".join(["[[hooks]]", *lines]))
        return config.load(path).hooks

    return make


@pytest.fixture
def reactor() -> MemoryReactorClock:
    return MemoryReactorClock()


def test_a_program(load):
    (hook,) = load('program = ["/bin/true", "--x"]', 'events = ["upload", "upload_held"]')
    assert hook.program == ("/bin/true", "--x")
    assert hook.kinds == {EventKind.UPLOAD, EventKind.UPLOAD_HELD}
    assert hook.on_failure is OnFailure.REFUSE


def test_paths_start_at_the_folder_of_the_file(load, tmp_path):
    lines = 'url = "https://a.example/"', 'key = "key"', 'queue = "hooks.db"', 'events = ["login"]'
    (hook,) = load(*lines)
    assert (hook.key, hook.queue) == (f"{tmp_path}/key", f"{tmp_path}/hooks.db")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (['events = ["login"]'], "needs a program or a url, and not both."),
        (['program = "/bin/true"'], "needs events, some of upload_held, upload, "),
        (['program = "/bin/true"', 'events = ["logout"]'], '"logout"; it must be some of upload_'),
        (['url = "ftp://a.example/"'], "it must be a URL that begins with https:// or http://"),
        (['url = "https://a:b@c.example/"'], "without a user or a fragment."),
        (['url = "https:///"'], "it must be a URL"),
        (['url = "https://a.example:99999/"'], "it must be a URL"),
        (['url = "https://a.example/"', 'events = ["login"]'], "needs a key that signs, and the"),
        (['program = "/bin/true"', "processes = 0"], "a whole number of at least 1."),
        (['programm = "/bin/true"'], "programm is no setting; there are events, program, "),
        (
            ['url = "https://a/"', 'key = "k"', 'queue = "q"', 'events = ["upload_held"]'],
            "a url cannot be asked about uploads (upload_held); a program can.",
        ),
    ],
)
def test_what_the_file_may_not_say(load, lines, said):
    with pytest.raises(ConfigError) as raised:
        load(*lines)
    assert "hooks[0]" in str(raised.value)
    assert said in str(raised.value)


def refusal(reactor, *hooks: Hook, upload_mode: UploadMode = UploadMode.ATOMIC) -> str:
    with pytest.raises(ValueError, match=r"^hooks\[\d\]: [^\n]*\.$") as raised:
        make_hooks(hooks, upload_mode, reactor)
    return str(raised.value)


def url_hook(tmp_path, **given: object) -> Hook:
    key = tmp_path / "key"
    if not key.exists():
        key.write_text(KEY)
    known = {"url": "https://a.example/", "key": str(key), "queue": str(tmp_path / "hooks.db")}
    return Hook(events=("login",), **{**known, **given})


def test_the_service_does_not_start(reactor, tmp_path):
    optional = Policy(login_protection=Requirement.OPTIONAL, data_protection=Requirement.OPTIONAL)
    settings = Settings(
        auth=("memory:alice:secret",),
        policy=optional,
        files=Files(root=str(tmp_path)),
        hooks=(Hook(events=("login",), program=("/gone/scan",)),),
    )
    with pytest.raises(ConfigError) as raised:
        make_service(settings, reactor)
    said = "hooks[0]: the program /gone/scan is not there; name one that can be run."
    assert str(raised.value) == said


class TestPrograms:
    def test_one_that_can_be_run(self, reactor):
        given = Hook(events=("login",), program=("sh", "-c", "true"))
        (made,) = make_hooks([given], UploadMode.DIRECT, reactor)
        assert isinstance(made, ProgramHook)

    def test_one_that_is_not_there(self, reactor):
        given = Hook(events=("login",), program=("/gone/scan",))
        assert "the program /gone/scan is not there" in refusal(reactor, given)

    def test_one_that_may_not_be_run(self, reactor, tmp_path):
        (tmp_path / "scan").write_text("#!/bin/sh\n")
        given = Hook(events=("login",), program=(str(tmp_path / "scan"),))
        assert "may not be run" in refusal(reactor, given)

    def test_one_by_half_a_path(self, reactor):
        given = Hook(events=("login",), program=("bin/scan",))
        assert "needs its whole path" in refusal(reactor, given)

    @pytest.mark.parametrize("mode", list(UploadMode))
    def test_uploads_that_are_seen_at_once_cannot_be_held(self, reactor, mode):
        given = Hook(events=("upload_held",), program=("sh",))
        if mode is UploadMode.DIRECT:
            assert "cannot be held" in refusal(reactor, given, upload_mode=mode)
        else:
            assert len(make_hooks([given], mode, reactor)) == 1


class TestURLs:
    def test_one_that_works(self, reactor, tmp_path):
        (made,) = make_hooks([url_hook(tmp_path)], UploadMode.ATOMIC, reactor)
        assert isinstance(made, PostHook)
        assert not (tmp_path / "hooks.db").exists()

    def test_a_key_that_is_not_there(self, reactor, tmp_path):
        given = url_hook(tmp_path, key=str(tmp_path / "gone"))
        said = refusal(reactor, given)
        assert f"{tmp_path}/gone cannot be read: No such file or directory." in said

    def test_a_key_that_is_none(self, reactor, tmp_path):
        (tmp_path / "key").write_text("secret")
        said = refusal(reactor, url_hook(tmp_path))
        assert "holds a line that is no key; make one with: echo" in said
        assert "secret" not in said

    def test_a_queue_that_cannot_be(self, reactor, tmp_path):
        given = url_hook(tmp_path, queue=str(tmp_path / "gone/hooks.db"))
        assert "which is no folder; name another file." in refusal(reactor, given)

    def test_a_queue_for_two(self, reactor, tmp_path):
        both = url_hook(tmp_path), url_hook(tmp_path, queue=str(tmp_path / "." / "hooks.db"))
        said = refusal(reactor, *both)
        assert said.startswith("hooks[1]: another hook has the queue")

    def test_authorities_that_are_none(self, reactor, tmp_path):
        (tmp_path / "ca.pem").write_text("nothing")
        given = url_hook(tmp_path, authorities=str(tmp_path / "ca.pem"))
        assert "ca.pem holds no certificate in PEM." in refusal(reactor, given)
