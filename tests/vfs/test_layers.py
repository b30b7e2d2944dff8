"""What settings put around a folder, and keys that can be had or not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ftptls.settings import Encryption, Files
from ftptls.vfs.layers import Layers, read_keys
from ftptls.vfs.memory import MemoryFilesystem
from tests.vfs.calls import WORKERS, read, store

KEY, OTHER = "00" * 32, "ff" * 32


def test_without_settings_there_is_nothing_around_it():
    inner = MemoryFilesystem()
    assert Layers.from_settings(Files(), Encryption()).around(inner, {}, WORKERS) is inner


def test_everything_at_once(tmp_path):
    (tmp_path / "key").write_text(f"{KEY}\n")
    settings = Files(versions=2, fold_case=True)
    layers = Layers.from_settings(settings, Encryption(key_files=(str(tmp_path / "key"),)))
    root, other = MemoryFilesystem(), MemoryFilesystem()
    files = layers.around(root, {"/Archive": other}, WORKERS)
    store(files, "/archive/a", b"first")
    store(files, "/ARCHIVE/A", b"second")
    store(files, "/b", b"clear?")
    assert read(files, "/archive/a") == b"second"
    (version,) = (path for path in other.contents() if path.startswith("/.versions/a/"))
    assert read(files, f"/archive{version}") == b"first"
    assert all(data.startswith(b"ftptls\x01\n") for data in other.contents().values())
    assert all(data.startswith(b"ftptls\x01\n") for data in root.contents().values())


def test_keys_of_files_and_of_a_program(tmp_path: Path):
    (tmp_path / "keys").write_text(f"# of this year\n{KEY.upper()}\r\n\n  {OTHER}  \n")
    files = (str(tmp_path / "keys"),)
    program = (sys.executable, "-c", f"print('{OTHER}')")
    inner = MemoryFilesystem()
    store(Layers(read_keys(Encryption(files, ()))).around(inner, {}, WORKERS), "/a", b"of a file")
    store(
        Layers(read_keys(Encryption((), program))).around(inner, {}, WORKERS), "/b", b"of a program"
    )
    both = Layers(read_keys(Encryption(files, program))).around(inner, {}, WORKERS)
    assert (read(both, "/a"), read(both, "/b")) == (b"of a file", b"of a program")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "holds no key; 'openssl rand -hex 32' makes one"),
        ("# nothing\n", "holds no key"),
        ("geheim", "holds a line that is no key: a key is 64 hexadecimal digits"),
        (KEY + "0", "holds a line that is no key"),
        (KEY[:-2], "holds a line that is no key"),
        (f"{KEY}\nß", "holds a line that is no key"),
    ],
    ids=["nothing", "a comment", "words", "long", "short", "one of two"],
)
def test_files_without_keys(tmp_path, text, why):
    path = tmp_path / "key"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"^{path} {why}") as caught:
        read_keys(Encryption((str(path),), ()))
    assert not text.strip() or text.strip() not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"^Cannot read the key file .*/none: No such file"):
        read_keys(Encryption((str(tmp_path / "none"),), ()))


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("", "printed nothing"),
        ("import sys; sys.exit(3)", "ended with status 3"),
        ("print('secret')", "prints a line that is no key"),
    ],
)
def test_programs_that_give_no_keys(code, why):
    with pytest.raises(ValueError, match=f"^The key program .*python.* {why}") as caught:
        read_keys(Encryption((), (sys.executable, "-c", code)))
    assert "secret" not in str(caught.value)
