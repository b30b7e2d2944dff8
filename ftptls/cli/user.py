"""Keep the users of a user store; a running server heeds each change at the next login."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ftptls.cli import user_certificates, user_import
from ftptls.cli.common import (
    CommandError,
    add_commands,
    add_json,
    clean,
    print_json,
    print_pairs,
    print_table,
    refusing,
    run_chosen,
    secret,
)
from ftptls.cli.stores import add_names, add_store, opened, store_url
from ftptls.cli.terms import add_fields, add_rename, changes, edits, told, yes_or_no
from ftptls.cred.passwords import hash_password, objection
from ftptls.errors import MissingExtraError
from ftptls.store.records import StoreError, User
from ftptls.store.texts import as_values

if TYPE_CHECKING:
    from ftptls.store import Users

_PASSWORD_FLAG = "--password-file"  # noqa: S105 - the name of a flag

run = run_chosen


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the commands of ``ftptls user``."""
    add = add_commands(parser)
    new = add("add", _add, "add a user; the store is made if there is none")
    _add_name(new)
    _add_password(new, "there is none: certificates must do")
    add_fields(new, User)
    edit = add("edit", _edit, "change a user; an empty text unsays what was said")
    _add_name(edit)
    add_rename(edit)
    add_fields(edit, User)
    show = add("show", _show, "show a user")
    _add_name(show)
    show.add_argument(
        "--effective", action="store_true", help="with what the groups of the user say"
    )
    add_json(show)
    listed = add("list", _list, "list all users")
    listed.add_argument(
        "--json", action="store_true", help="print a line of JSON for each, as import reads them"
    )
    for each in (show, listed):
        each.add_argument("--hashes", action="store_true", help="with password hashes, in JSON")
    for name, run_it, about in (
        ("remove", _remove, "remove users"),
        ("disable", _disable, "let users log in no more"),
        ("enable", _enable, "let users log in again"),
    ):
        several = add(name, run_it, about)
        add_names(several)
        add_store(several)
    passwd = add("passwd", _passwd, "give a user another password")
    _add_name(passwd)
    _add_password(passwd, "take the password away: certificates must do")
    user_import.add_arguments(
        add("import", user_import.run, "add many users from a file: all, or nobody")
    )
    upgrade = add("upgrade", _upgrade, "bring a store of an older version up to date")
    user_certificates.add_arguments(
        add("cert", run_chosen, "say which client certificates stand for a user")
    )
    for each in (new, edit, show, listed, passwd, upgrade):
        add_store(each)


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the user's, as USER gives it")


def _add_password(parser: argparse.ArgumentParser, none: str) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        _PASSWORD_FLAG,
        metavar="FILE",
        help="file with the password, or - for standard input; else it is asked for",
    )
    group.add_argument("--no-password", action="store_true", help=none)


def _add(chosen: argparse.Namespace) -> int:
    with opened(chosen, create=True) as users:
        user = User(name=chosen.name, **changes(chosen, User))
        _refuse(users, user)  # before anybody types a password for nothing
        if not chosen.no_password:
            user = replace(user, password=hash_password(_new_password(chosen)))
        users.add(user)
    return 0


def _refuse(users: Users, user: User) -> None:
    """Raise what adding the user would raise."""
    from ftptls.store import checks, queries

    checks.check_user(user)
    if users.find(user.name) is not None:
        raise queries.name_taken("user", user.name)
    for name in user.groups:
        users.get_group(name)


def _edit(chosen: argparse.Namespace) -> int:
    with opened(chosen) as users:
        users.edit(chosen.name, **edits(chosen, User))
    return 0


def _show(chosen: argparse.Namespace) -> int:
    with opened(chosen) as users:
        user = users.get(chosen.name)
        if chosen.effective:
            user = users.find(chosen.name) or user
    values = _values(user, chosen)
    if chosen.json:
        print_json(values)
    else:
        print_pairs([*told(values), ("password", "set" if user.password else "none")])
    return 0


def _list(chosen: argparse.Namespace) -> int:
    with opened(chosen) as users:
        if chosen.json:
            for user in users.list():
                print(json.dumps(_values(user, chosen)))
            return 0
        rows = [_row(user) for user in users.list()]
    print_table(("NAME", "LOGIN", "PASSWORD", "CERTIFICATES", "ENABLED", "GROUPS", "HOME"), rows)
    return 0


def _row(user: User) -> tuple[str, ...]:
    return (
        user.name,
        user.login.value if user.login else "",
        "set" if user.password else "none",
        str(len(user.certificates)),
        yes_or_no(user.enabled),
        ",".join(user.groups),
        user.home or "",
    )


def _values(user: User, chosen: argparse.Namespace) -> dict[str, Any]:
    return as_values(user if chosen.hashes else replace(user, password=""))


def _remove(chosen: argparse.Namespace) -> int:
    with opened(chosen) as users:
        for name in _present(users, chosen.names):
            users.remove(name)
    return 0


def _disable(chosen: argparse.Namespace) -> int:
    return _set_enabled(chosen, enabled=False)


def _enable(chosen: argparse.Namespace) -> int:
    return _set_enabled(chosen, enabled=True)


def _set_enabled(chosen: argparse.Namespace, *, enabled: bool) -> int:
    with opened(chosen) as users:
        for name in _present(users, chosen.names):
            users.edit(name, enabled=enabled)
    return 0


def _present(users: Users, names: Iterable[str]) -> list[str]:
    """The names, each once; nothing is begun if there is nobody of one of them."""
    return [users.get(name).name for name in dict.fromkeys(names)]


def _passwd(chosen: argparse.Namespace) -> int:
    with opened(chosen) as users:
        users.get(chosen.name)  # before anybody types a password for nobody
        if chosen.no_password:
            users.edit(chosen.name, password="")
        else:
            users.set_password(chosen.name, _new_password(chosen))
    return 0


def _new_password(chosen: argparse.Namespace) -> bytes:
    what = f"New password of {clean(chosen.name)}"
    password = secret(chosen.password_file, what, _PASSWORD_FLAG, twice=True).encode()
    if why := objection(password):
        raise CommandError(f"{why}.")
    return password


def _upgrade(chosen: argparse.Namespace) -> int:
    with refusing(StoreError, MissingExtraError):
        from ftptls.store import Users

        Users.upgrade(store_url(chosen))
    return 0
