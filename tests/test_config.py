"""The configuration file and the flags: what is accepted, and what each refusal says."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ftptls import config
from ftptls.config import ConfigError
from ftptls.settings import (
    ClientCertificate,
    Host,
    Listen,
    Policy,
    PortRange,
    Profile,
    Requirement,
    Rule,
    SessionReuse,
    Settings,
    UploadEnd,
    UploadMode,
)

WHOLE = """
auth = ["memory:alice:secret", "anonymous"]
banner = "Grüß Gott."

[listen]
explicit = ["tcp:2121", "tcp6:2121"]
implicit = "tcp:990"

[tls]
certificate = "certs/server.pem"
key = "/etc/ssl/server.key"

[policy]
login_protection = "optional"
data_protection = "optional"
session_reuse = "require"
auth_after_login = true

[passive]
ports = "50000-50100"
masquerade = "192.0.2.1"

[files]
root = "../drop"
upload_mode = "direct"
read_only = true

[limits]
idle_timeout = 60
login_delay = 0
threads = 2
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "ftptls.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        config.load(write(folder, text))
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith((".", "?"))
    return sentence.replace(f"{folder}/", "")


def test_a_file_may_set_everything(tmp_path: Path) -> None:
    settings = config.load(write(tmp_path, WHOLE))
    assert settings.auth == ("memory:alice:secret", "anonymous")
    assert settings.banner == "Grüß Gott."
    assert settings.listen.explicit == ("tcp:2121", "tcp6:2121")
    assert settings.listen.implicit == ("tcp:990",)
    assert settings.policy.login_protection is Requirement.OPTIONAL
    assert settings.policy.session_reuse is SessionReuse.REQUIRE
    assert settings.policy.auth_after_login is True
    assert settings.passive.ports == PortRange(50000, 50100)
    assert settings.passive.masquerade == "192.0.2.1"
    assert settings.files.upload_mode is UploadMode.DIRECT
    assert settings.files.read_only is True
    assert settings.limits.idle_timeout == 60.0
    assert type(settings.limits.idle_timeout) is float
    assert settings.limits.threads == 2
    assert settings.limits.stall_timeout == Settings().limits.stall_timeout


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    assert config.load(write(tmp_path, "")) == Settings()


def test_relative_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    settings = config.load(write(tmp_path, WHOLE))
    assert settings.tls.certificate == (str(tmp_path / "certs/server.pem"),)
    assert settings.tls.key == ("/etc/ssl/server.key",)
    assert settings.files.root == str(tmp_path / "../drop")


def test_one_port_is_a_range(tmp_path: Path) -> None:
    ports = config.load(write(tmp_path, "passive.ports = 50000")).passive.ports
    assert ports == PortRange(50000, 50000)


PORTS = 'it must be two ports of 1 to 65535, the lower one first, such as "50000-50100"; or "0-0".'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('auht = "x"', "auht is no setting; did you mean auth?"),
        (
            '[listen]\nexplict = "tcp:21"',
            "listen.explict is no setting; did you mean listen.explicit or listen.implicit?",
        ),
        ("idle_timeout = 3", "idle_timeout is no setting; did you mean limits.idle_timeout?"),
        (
            "[policy]\nzzz = 3",
            f"policy.zzz is no setting; there are {', '.join(f.name for f in fields(Policy))}.",
        ),
        (
            "zzz = 3",
            "zzz is no setting; there are auth, banner, listen, tls, client_certificates, "
            "revocation, policy, passive, fxp, files, encryption, quota, objects, anonymous, unix, "
            "log, limits, guard, processes.",
        ),
        ("tls = 3", "tls is 3; it must be a table, [tls]."),
        (
            '[files]\nupload_mode = "maybe"',
            'files.upload_mode is "maybe"; it must be "atomic" or "direct" or "atomic-resume".',
        ),
        (
            "[files]\nupload_mode = true",
            'files.upload_mode is true; it must be "atomic" or "direct" or "atomic-resume".',
        ),
        (
            "[limits]\nidle_timeout = -3",
            "limits.idle_timeout is -3; it must be a number of at least 1.",
        ),
        (
            "[limits]\nidle_timeout = nan",
            "limits.idle_timeout is nan; it must be a number of at least 1.",
        ),
        (
            "[limits]\nidle_timeout = inf",
            "limits.idle_timeout is inf; it must be a number of at least 1.",
        ),
        (
            "[limits]\nthreads = true",
            "limits.threads is true; it must be a whole number of at least 1.",
        ),
        (
            "[limits]\nthreads = 1.5",
            "limits.threads is 1.5; it must be a whole number of at least 1.",
        ),
        (
            '[files]\nread_only = "yes"',
            'files.read_only is "yes"; it must be true or false.',
        ),
        ("[files]\nroot = 3", "files.root is 3; it must be text in quotes."),
        (
            '[files]\numask = "8"',
            'files.umask is "8"; it must be three octal digits, such as "027".',
        ),
        (
            '[files]\ntime_zone = "Europe/Atlantis"',
            'files.time_zone is "Europe/Atlantis"; it must be UTC, local, or the name of a time '
            "zone that this system knows.",
        ),
        (
            '[files]\nmedia_types = ["csv: text/csv"]',
            'files.media_types is "csv: text/csv"; it must be an ending and a media type, such as '
            "csv=text/csv.",
        ),
        (
            '[files]\nhidden_names = "yes"',
            'files.hidden_names is "yes"; it must be "show" or "on_request" or "never".',
        ),
        ('[passive]\nports = "5-3"', f'passive.ports is "5-3"; {PORTS}'),
        ('[passive]\nports = "1-70000"', f'passive.ports is "1-70000"; {PORTS}'),
        ('[passive]\nports = "many"', f'passive.ports is "many"; {PORTS}'),
        (
            '[passive]\nmasquerade = "::1"',
            'passive.masquerade is "::1"; it must be an IPv4 address.',
        ),
        (r'banner = "a\r\nb"', 'banner is "a\r\nb"; it must be one line of text.'),
        ("listen.explicit = [21]", "listen.explicit is 21; it must be a list of texts in quotes."),
        ("listen.explicit = 21", "listen.explicit is 21; it must be a list of texts in quotes."),
    ],
)
def test_a_refusal_names_file_key_value_and_what_is_accepted(
    tmp_path: Path, text: str, sentence: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(write(tmp_path, text))
    assert str(caught.value) == f"{tmp_path}/ftptls.toml: {sentence}"


def test_a_refusal_does_not_show_a_password(tmp_path: Path) -> None:
    assert refusal(tmp_path, 'auth = [["memory:alice:secret"]]') == (
        "ftptls.toml: auth is not accepted; it must be a list of texts in quotes."
    )


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, "a =") == (
        "ftptls.toml is no TOML file: Invalid value (at end of document)."
    )
    path = tmp_path / "latin.toml"
    path.write_bytes(b'banner = "\xfc"')
    with pytest.raises(ConfigError, match="not in UTF-8"):
        config.load(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(tmp_path / "none.toml")
    assert str(caught.value) == f"Cannot read {tmp_path}/none.toml: No such file or directory."


def test_flags_override_the_file(tmp_path: Path) -> None:
    options = config.options()
    given = {
        options["policy.session_reuse"]: config.from_flag(options["policy.session_reuse"], "off"),
        options["passive.ports"]: config.from_flag(options["passive.ports"], "6000-6001"),
        options["banner"]: "Hello.",
    }
    settings = config.override(config.load(write(tmp_path, WHOLE)), given)
    assert settings.policy.session_reuse is SessionReuse.OFF
    assert settings.passive.ports == PortRange(6000, 6001)
    assert settings.banner == "Hello."
    assert settings.policy.login_protection is Requirement.OPTIONAL


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        (
            "policy.session_reuse",
            "never",
            '--session-reuse is "never"; it must be "require" or "prefer" or "off".',
        ),
        ("passive.ports", "1-", f'--passive-ports is "1-"; {PORTS}'),
        (
            "passive.masquerade",
            "host",
            '--masquerade-address is "host"; it must be an IPv4 address.',
        ),
    ],
)
def test_a_refused_flag_is_named(key: str, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.from_flag(config.options()[key], text)
    assert str(caught.value) == sentence


def test_a_number_may_be_a_flag() -> None:
    option = config.options()["limits.threads"]
    assert config.from_flag(option, "3") == 3
    with pytest.raises(ConfigError, match="whole number"):
        config.from_flag(option, "three")


def test_every_field_is_an_option_with_help() -> None:
    def leaves(holder: Any) -> int:
        values = [getattr(holder, entry.name) for entry in fields(holder)]
        inner = [value for value in values if is_dataclass(value)]
        own = [entry for entry in fields(holder) if "about" in entry.metadata]
        return len(own) + sum(leaves(value) for value in inner if not isinstance(value, PortRange))

    assert len(config.options()) == leaves(Settings())
    for option in config.options().values():
        assert option.about.help.endswith(".")
        assert option.accepts


def test_flags_are_distinct() -> None:
    flags = [option.about.flag for option in config.options().values() if option.about.flag]
    assert len(flags) == len(set(flags))


def test_every_default_is_accepted_as_the_page_shows_it(tmp_path: Path) -> None:
    for option in config.options().values():
        path = write(tmp_path, f"{option.key} = {option.shown_default}")
        assert config.load(path) == Settings()


def test_rules_are_tables_of_their_own(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        [[rules]]
        users = ["anonymous", "ftp"]
        policy.login_protection = "optional"

        [[rules]]
        networks = "10.0.0.0/8"
        policy = { session_reuse = "off", ccc = true }
        """,
    )
    assert config.load(path).rules == (
        Rule(users=("anonymous", "ftp"), policy={"login_protection": Requirement.OPTIONAL}),
        Rule(networks=("10.0.0.0/8",), policy={"session_reuse": SessionReuse.OFF, "ccc": True}),
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("rules = 3", "rules is 3; it must be tables, [[rules]]."),
        (
            "[[rules]]\nzzz = 3",
            "rules[0].zzz is no setting; there are users, networks, hosts, rights, policy.",
        ),
        ("[[rules]]\npolicy = 3", "rules[0].policy is 3; it must be a table."),
        (
            '[[rules]]\nnetworks = ["10/8/9"]',
            'rules[0].networks is "10/8/9"; it must be a network such as "10.0.0.0/8" or '
            '"2001:db8::/32".',
        ),
        (
            '[[rules]]\n[[rules]]\npolicy.ccc = "maybe"',
            'rules[1].policy.ccc is "maybe"; it must be true or false.',
        ),
        (
            "[[rules]]\npolicy.cccc = true",
            "rules[0]: policy.cccc is no setting; did you mean policy.ccc?",
        ),
    ],
)
def test_a_rule_that_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    assert refusal(tmp_path, text) == f"ftptls.toml: {sentence}"


HOSTS = """
[client_certificates]
authorities = ["clients.pem"]

[[hosts]]
names = ["ftp.example.com", "files.example.com"]
certificate = "example.pem"
key = "/etc/example.key"
banner = "Example."
client_certificates = { mode = "required", authorities = "partners", depth = 1 }

[[hosts]]
names = "other.example"
"""


def test_virtual_hosts(tmp_path: Path) -> None:
    first, second = config.load(write(tmp_path, HOSTS)).hosts
    assert first.names == ("ftp.example.com", "files.example.com")
    assert (first.certificate, first.key) == ((f"{tmp_path}/example.pem",), ("/etc/example.key",))
    assert dict(first.client_certificates) == {
        "mode": ClientCertificate.REQUIRED,
        "authorities": (f"{tmp_path}/partners",),
        "depth": 1,
    }
    assert second.names == ("other.example",)
    assert second.is_called("Other.Example")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("hosts = 3", "hosts is 3; it must be tables, [[hosts]]."),
        ("[[hosts]]", "hosts[0]: a host needs names."),
        (
            '[[hosts]]\nnames = ["a_b"]',
            'hosts[0].names is "a_b"; it must be a name such as "ftp.example.com".',
        ),
        (
            '[[hosts]]\nnames = "a.example"\nzzz = 1',
            "hosts[0].zzz is no setting; there are names, certificate, key, banner, "
            "client_certificates.",
        ),
        (
            '[[hosts]]\nnames = "a.example"\nprofile = "modern"',
            "hosts[0].profile is settled before the client names a host: set it for the "
            "listener, in [tls].",
        ),
        (
            '[[hosts]]\nnames = "a.example"\nclient_certificates = { mode = "maybe" }',
            'hosts[0].client_certificates.mode is "maybe"; it must be "none" or "optional" or '
            '"required".',
        ),
        (
            '[[hosts]]\nnames = "a.example"\nclient_certificates = 1',
            "hosts[0].client_certificates is 1; it must be a table.",
        ),
    ],
)
def test_what_is_no_virtual_host(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(write(tmp_path, text))
    assert str(caught.value) == f"{tmp_path}/ftptls.toml: {sentence}"


@pytest.mark.parametrize("names", [(), ("a_b",), ("",)])
def test_a_host_without_a_proper_name(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="name"):
        Host(names=names)


def test_listeners_may_have_settings_of_their_own(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        [tls]
        certificate = "server.pem"
        [[listeners]]
        explicit = ["tcp:21"]
        [[listeners]]
        implicit = "tcp:990"
        tls = { profile = "legacy" }
        policy.upload_end = "accept_fin"
        limits.idle_timeout = 60
        """,
    )
    everywhere = config.load(path)
    plain, camera = (own.settings(everywhere) for own in everywhere.listeners)
    assert plain == replace(everywhere, listen=Listen(explicit=("tcp:21",)), listeners=())
    assert camera.listen == Listen(implicit=("tcp:990",))
    assert camera.tls == replace(everywhere.tls, profile=Profile.LEGACY)
    assert camera.tls.certificate == (str(tmp_path / "server.pem"),)
    assert camera.policy.upload_end is UploadEnd.ACCEPT_FIN
    assert camera.limits.idle_timeout == 60


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[[listeners]]", "listeners[0]: a listener needs an endpoint, as explicit or implicit."),
        (
            '[[listeners]]\nexplicit = "tcp:1"\ntls.profil = "x"',
            "listeners[0]: tls.profil is no setting; did you mean tls.profile?",
        ),
    ],
)
def test_a_listener_that_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    assert refusal(tmp_path, text) == f"ftptls.toml: {sentence}"
