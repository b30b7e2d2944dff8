"""Completion scripts for shells, made from the shape of the commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from ftptls.cli.shape import Argument, Command

_PATH = "@"  # stands for files in bash's tables

_BASH = """\
# Completion of ftptls in bash:  eval "$(ftptls completion bash)"
_ftptls() {
    local word=${COMP_WORDS[COMP_CWORD]} path=ftptls at=1 place=0 flag= kind= pattern
    local commands flags values places several
    COMPREPLY=()
    _ftptls_table "$path"
    while ((at < COMP_CWORD)) && [[ " $commands " == *" ${COMP_WORDS[at]} "* ]]; do
        path+=" ${COMP_WORDS[at++]}"
        _ftptls_table "$path"
    done
    for ((; at < COMP_CWORD; at++)); do
        case ${COMP_WORDS[at]} in
            =) ;;
            :) ((at++)) ;;  # bash splits sqlite:/path/to/file in three
            -?*)
                flag=${COMP_WORDS[at]}
                [[ " $values" == *" $flag="* ]] || flag= ;;
            *) if [[ $flag ]]; then flag=; else ((place++)); fi ;;
        esac
    done
    [[ $word == [=:] ]] && word=
    if [[ $flag ]]; then
        pattern=" $flag=([^ ]*)"
        [[ " $values" =~ $pattern ]] && kind=${BASH_REMATCH[1]//|/ }
        flags=
    elif [[ $word != -* ]]; then
        ((several && place >= ${#places[@]})) && place=$((${#places[@]} - 1))
        kind=${places[place]-}$commands
    fi
    if [[ $kind == @ ]]; then
        compopt -o default
    else
        COMPREPLY=($(compgen -W "${kind:-$flags}" -- "$word"))
    fi
}
"""

_FISH = """\
# Completion of ftptls in fish:  ftptls completion fish | source
function __ftptls_words
    set -l words (commandline -opc)
    string join \\n -- $words[2..]
end
function __ftptls_exactly
    set -l words (__ftptls_words)
    test "$words" = "$argv"
end
function __ftptls_below
    set -l words (__ftptls_words)
    set -l last (count $argv)
    test (count $words) -ge $last; and test "$words[1..$last]" = "$argv"
end
complete -c ftptls -f
"""


def bash(program: Command) -> str:
    """The script for bash."""
    lines = [
        "_ftptls_table() {",
        "    commands= flags= values= places=() several=0",
        "    case $1 in",
    ]
    for command in program.walk():
        lines.append(f"        {shlex.quote(' '.join(command.words))})")
        lines += [f"            {line}" for line in _bash_table(command)]
        lines.append("            ;;")
    return _BASH + "\n".join([*lines, "    esac", "}", "complete -F _ftptls ftptls", ""])


def _bash_table(command: Command) -> Iterator[str]:
    flags = [flag for each in command.flags for flag in each.flags]
    values = [
        f"{flag}={_bash_kind(each, '|')}"
        for each in command.flags
        if each.name
        for flag in each.flags
    ]
    yield f"flags={shlex.quote(' '.join(flags))}"
    if values:
        yield f"values={shlex.quote(' '.join(values))}"
    if command.commands:
        yield f"commands={shlex.quote(' '.join(each.words[-1] for each in command.commands))}"
    if command.places:
        kinds = (shlex.quote(_bash_kind(each, " ")) for each in command.places)
        yield f"places=({' '.join(kinds)})"
        if command.places[-1].several:
            yield "several=1"


def _bash_kind(argument: Argument, between: str) -> str:
    return _PATH if argument.is_path else between.join(argument.choices)


def zsh(program: Command) -> str:
    """The script for zsh."""
    lines = [
        "#compdef ftptls",
        "# Completion of ftptls in zsh: a file _ftptls with it in a folder of $fpath, or",
        '#   eval "$(ftptls completion zsh)"',
    ]
    for command in program.walk():
        lines += [
            f"{_zsh_name(command)}() {{",
            *(f"    {each}" for each in _zsh_body(command)),
            "}",
        ]
    called = 'if [ "$funcstack[1]" = _ftptls ]; then _ftptls "$@"; else compdef _ftptls ftptls; fi'
    return "\n".join([*lines, called, ""])


def _zsh_name(command: Command) -> str:
    return "_" + "_".join(command.words)


def _zsh_body(command: Command) -> Iterator[str]:
    specs = [spec for each in command.flags for spec in _zsh_flag(each)]
    if not command.commands:
        yield from _zsh_arguments([*specs, *_zsh_places(command)])
        return
    yield 'local curcontext="$curcontext" state line'
    yield "typeset -A opt_args"
    yield from _zsh_arguments(
        ["-C", "-A", "-*", *specs, "1:command:->command", "*::argument:->rest"]
    )
    names = [f"{each.words[-1]}:{each.about}" for each in command.commands]
    yield "case $state in"
    yield "    (command)"
    yield "        local -a commands"
    yield f"        commands=({' '.join(map(shlex.quote, names))})"
    yield "        _describe command commands ;;"
    function = f"{_zsh_name(command)}_$line[1]"
    yield f"    (rest) (( $+functions[{function}] )) && {function} ;;"
    yield "esac"


def _zsh_arguments(specs: list[str]) -> Iterator[str]:
    yield " \\\n        ".join(["_arguments", *map(shlex.quote, specs)])


def _zsh_flag(argument: Argument) -> Iterator[str]:
    about = re.sub(r"([\[\]\\])", r"\\\1", argument.about)
    others = "" if argument.several else f"({' '.join(argument.flags)})"
    for flag in argument.flags:
        if argument.name:
            joined = "=" if flag.startswith("--") else "+"
            start = "*" if argument.several else others
            yield f"{start}{flag}{joined}[{about}]:{_zsh_value(argument)}"
        else:
            yield f"{others}{flag}[{about}]"


def _zsh_places(command: Command) -> Iterator[str]:
    for number, each in enumerate(command.places, 1):
        yield f"{'*' if each.several else number}:{_zsh_value(each)}"


def _zsh_value(argument: Argument) -> str:
    if argument.is_path:
        action = "_files"
    else:
        action = f"({' '.join(argument.choices)})" if argument.choices else "{:}"
    name = argument.name.replace("\\", "\\\\").replace(":", "\\:")
    return f"{name}:{action}"


def fish(program: Command) -> str:
    """The script for fish."""
    return _FISH + "".join(f"{line}\n" for each in program.walk() for line in _fish_lines(each))


def _fish_lines(command: Command) -> Iterator[str]:
    where = "__ftptls_exactly" if command.commands else "__ftptls_below"
    condition = _fish_quoted(" ".join([where, *command.words[1:]]))
    start = f"complete -c ftptls -n {condition}"
    for inner in command.commands:
        yield f"{start} -a {inner.words[-1]} -d {_fish_quoted(inner.about)}"
    for flag in command.flags:
        words = [start]
        words += [
            f"-l {each[2:]}" if each.startswith("--") else f"-s {each[1:]}" for each in flag.flags
        ]
        if flag.name:
            words.append(_fish_value(flag, "-r -F", "-x"))
        yield " ".join([*words, f"-d {_fish_quoted(flag.about)}"])
    for place in command.places:
        if value := _fish_value(place, "-F", ""):
            yield f"{start} {value}"


def _fish_value(argument: Argument, path: str, other: str) -> str:
    if argument.is_path:
        return path
    if not argument.choices:
        return other
    return f"{other} -a {_fish_quoted(' '.join(argument.choices))}".strip()


def _fish_quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
