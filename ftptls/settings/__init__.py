"""Every setting, declared once: value, default, flag and help.

These frozen dataclasses are what the rest of the code reads. :mod:`ftptls.config`
fills them from a TOML file and from ``twistd ftptls`` flags; the reference page is
generated from them. A setting is a field made by :func:`setting`; a TOML section is
a field of :class:`Settings` that holds another dataclass.
"""

from __future__ import annotations

from ftptls.settings.about import About, is_host_name, mounted, setting
from ftptls.settings.anonymous import ANONYMOUS, Anonymous
from ftptls.settings.choices import (
    OCSP,
    ClientCertificate,
    HiddenNames,
    Links,
    LoginMode,
    OwnerNames,
    PortRange,
    Profile,
    Requirement,
    SessionReuse,
    UploadEnd,
    UploadMode,
    Version,
)
from ftptls.settings.guard import Guard
from ftptls.settings.hooks import EVENT_KINDS, EventKind, Hook, OnFailure
from ftptls.settings.objects import Objects
from ftptls.settings.processes import Processes
from ftptls.settings.protection import FXP, Policy, Rule
from ftptls.settings.serving import Encryption, Files, Limits, Listen, Log, Passive, Quota
from ftptls.settings.tls import TLS, ClientCertificates, Revocation
from ftptls.settings.unix import Unix
from ftptls.settings.whole import Host, OwnListener, Settings

__all__ = [
    "ANONYMOUS",
    "EVENT_KINDS",
    "FXP",
    "OCSP",
    "TLS",
    "About",
    "Anonymous",
    "ClientCertificate",
    "ClientCertificates",
    "Encryption",
    "EventKind",
    "Files",
    "Guard",
    "HiddenNames",
    "Hook",
    "Host",
    "Limits",
    "Links",
    "Listen",
    "Log",
    "LoginMode",
    "Objects",
    "OnFailure",
    "OwnListener",
    "OwnerNames",
    "Passive",
    "Policy",
    "PortRange",
    "Processes",
    "Profile",
    "Quota",
    "Requirement",
    "Revocation",
    "Rule",
    "SessionReuse",
    "Settings",
    "Unix",
    "UploadEnd",
    "UploadMode",
    "Version",
    "is_host_name",
    "mounted",
    "setting",
]
