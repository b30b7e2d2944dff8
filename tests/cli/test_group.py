"""``ftptls group``: what several users have in common."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Command
from tests.cli.users import ALL, done, flags, refusal


def test_every_field_of_a_group(run: Command) -> None:
    done(run("group", "add", "staff", *flags(ALL)))
    staff = {"name": "staff", "enabled": True, **ALL}
    assert json.loads(done(run("group", "show", "staff", "--json")).output) == staff
    done(run("group", "edit", "staff", *flags(dict.fromkeys(ALL, "")), "--rename", "all"))
    assert done(run("group", "show", "all")).output == "name     all\nenabled  yes\n"


def test_a_list_of_groups(run: Command) -> None:
    done(run("group", "add", "staff", "--login", "both", "--notes", "at day"))
    done(run("group", "add", "night"))
    done(run("group", "disable", "night"))
    assert done(run("group", "list")).output == (
        "NAME   LOGIN  ENABLED  NOTES\nnight         no\nstaff  both   yes      at day\n"
    )
    named = json.loads(done(run("group", "list", "--json")).output)
    assert [each["name"] for each in named] == ["night", "staff"]
    done(run("group", "enable", "night"))
    assert json.loads(done(run("group", "show", "night", "--json")).output)["enabled"] is True


def test_groups_that_cannot_be_removed(run: Command) -> None:
    done(run("group", "add", "staff"))
    done(run("user", "add", "bob", "--no-password", "--groups", "staff"))
    sentence = "The group 'staff' has members; take them out of it first."
    assert refusal(run("group", "remove", "staff")) == sentence
    done(run("user", "edit", "bob", "--groups", ""))
    done(run("group", "remove", "staff"))
    assert refusal(run("group", "remove", "staff")) == "There is no group 'staff'."


@pytest.mark.parametrize(
    "arguments", [["show", "x"], ["edit", "x", "--home", "/"], ["disable", "x"], ["remove", "x"]]
)
def test_a_group_that_is_none(run: Command, bob: None, arguments: list[str]) -> None:
    assert refusal(run("group", *arguments)) == "There is no group 'x'."


def test_a_group_that_is_there(run: Command) -> None:
    done(run("group", "add", "staff"))
    done(run("group", "add", "night"))
    assert refusal(run("group", "add", "staff")) == "There is a group 'staff' already."
    sentence = refusal(run("group", "edit", "night", "--rename", "staff"))
    assert sentence == "There is a group 'staff' already."
