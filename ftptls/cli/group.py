"""Keep the groups of a user store: what several users have in common."""

from __future__ import annotations

import argparse

from ftptls.cli.common import (
    add_commands,
    add_json,
    print_json,
    print_pairs,
    print_table,
    run_chosen,
)
from ftptls.cli.stores import add_names, add_store, opened
from ftptls.cli.terms import add_fields, add_rename, changes, edits, told, yes_or_no
from ftptls.store.records import Group
from ftptls.store.texts import as_values

run = run_chosen


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the commands of ``ftptls group``."""
    add = add_commands(parser)
    new = add("add", _add, "add a group; the store is made if there is none")
    edit = add("edit", _edit, "change a group; an empty text unsays what was said")
    show = add("show", _show, "show a group")
    for each in (new, edit, show):
        each.add_argument("name", metavar="NAME", help="the group's")
    add_rename(edit)
    add_fields(new, Group)
    add_fields(edit, Group)
    listed = add("list", _list, "list all groups")
    add_json(show)
    add_json(listed)
    remove = add("remove", _remove, "remove groups that have no members")
    disable = add("disable", _disable, "let no member log in any more")
    enable = add("enable", _enable, "let members log in again")
    for each in (remove, disable, enable):
        add_names(each)
    for each in (new, edit, show, listed, remove, disable, enable):
        add_store(each)


def _add(chosen: argparse.Namespace) -> int:
    with opened(chosen, create=True) as users:
        users.add_group(Group(name=chosen.name, **changes(chosen, Group)))
    return 0


def _edit(chosen: argparse.Namespace) -> int:
    with opened(chosen) as users:
        users.edit_group(chosen.name, **edits(chosen, Group))
    return 0


def _show(chosen: argparse.Namespace) -> int:
    with opened(chosen) as users:
        values = as_values(users.get_group(chosen.name))
    if chosen.json:
        print_json(values)
    else:
        print_pairs(list(told(values)))
    return 0


def _list(chosen: argparse.Namespace) -> int:
    with opened(chosen) as users:
        groups = list(users.list_groups())
    if chosen.json:
        print_json([as_values(each) for each in groups])
    else:
        rows = [
            (each.name, each.login.value if each.login else "", yes_or_no(each.enabled), each.notes)
            for each in groups
        ]
        print_table(("NAME", "LOGIN", "ENABLED", "NOTES"), rows)
    return 0


def _remove(chosen: argparse.Namespace) -> int:
    with opened(chosen) as users:
        for name in chosen.names:
            users.remove_group(name)
    return 0


def _disable(chosen: argparse.Namespace) -> int:
    return _set_enabled(chosen, enabled=False)


def _enable(chosen: argparse.Namespace) -> int:
    return _set_enabled(chosen, enabled=True)


def _set_enabled(chosen: argparse.Namespace, *, enabled: bool) -> int:
    with opened(chosen) as users:
        for name in chosen.names:
            users.edit_group(name, enabled=enabled)
    return 0
