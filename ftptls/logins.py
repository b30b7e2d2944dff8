"""From the ``auth`` strings and their like to a Cred portal, with which logins can work.

What is wrong is found at the start, and said in one sentence
(:class:`~ftptls.config.ConfigError`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from twisted.cred import strcred
from twisted.cred.credentials import IAnonymous, IUsernamePassword
from twisted.cred.portal import IRealm, Portal

from ftptls.config import ConfigError
from ftptls.cred import LocalRealm, make_checker
from ftptls.cred.composing import compose
from ftptls.cred.places import AnyPlaces
from ftptls.cred.strings import AuthStringError
from ftptls.cred.unix import UnixUsers, look_up
from ftptls.errors import MissingExtraError
from ftptls.interfaces import (
    ICertificateAndPassword,
    IGivesRealm,
    INeedsThreads,
    IWorkers,
    IX509Credentials,
)
from ftptls.settings import ClientCertificate, LoginMode, Settings, mounted
from ftptls.vfs.layers import Layers
from ftptls.vfs.objects.filesystem import ObjectFilesystems
from ftptls.vfs.objects.opening import Stores, StoreURLError, check_store_url, is_store_url
from ftptls.vfs.options import LocalOptions
from ftptls.vfs.owners import objection
from ftptls.vfs.quota import Quotas
from ftptls.workers import BoundedWorkers

_OF_CERTIFICATES = frozenset({IX509Credentials, ICertificateAndPassword})
_CHECKED_BY = {
    LoginMode.PASSWORD: frozenset({IUsernamePassword, IAnonymous}),
    LoginMode.CERTIFICATE: frozenset({IX509Credentials}),
    LoginMode.EITHER: _OF_CERTIFICATES | {IUsernamePassword, IAnonymous},
    LoginMode.BOTH: frozenset({ICertificateAndPassword}),
}
_REMEDY = {
    LoginMode.PASSWORD: "no --auth checks passwords; add one such as --auth htpasswd:FILE",
    LoginMode.CERTIFICATE: "no --auth checks certificates; add one such as --auth x509:cn",
    LoginMode.EITHER: "no --auth checks certificates or passwords; add one such as --auth x509:cn",
    LoginMode.BOTH: "it takes an --auth for certificates, such as x509:cn, and one for passwords",
}
_NOT_ASKED = (
    'no client is asked for a certificate: set client_certificates.mode to "optional" or "required"'
)


def see_that_folders_are_there(settings: Settings) -> None:
    """See that what is served can be read, as far as it does not depend on who logs in.

    Raises:
        ConfigError: It cannot.
    """
    if not settings.files.root:
        raise ConfigError("There is no folder to serve: name one with --root or files.root.")
    roots = [settings.files.root, *(folder for _, folder in map(mounted, settings.files.mounts))]
    if settings.anonymous.root:
        roots.append(settings.anonymous.root)
    for root in roots:
        _see_that_it_is_there(root)
    if settings.unix.enabled and any(map(is_store_url, roots)):
        raise ConfigError(
            "With --unix-users the kernel says what users may do, and it knows no stores: serve "
            "folders only, or do without --unix-users."
        )


def _see_that_it_is_there(root: str) -> None:
    if is_store_url(root):
        try:
            check_store_url(root)
        except (StoreURLError, MissingExtraError) as error:  # it does not show the URL
            raise ConfigError(f"A URL cannot be served: {error}.") from None
        return
    if "{home}" in root:
        return  # a matter of each login
    # With {user}, each user's folder is a matter of his login; what is above must be there.
    folder = root if "{user}" not in root else os.path.dirname(root.partition("{user}")[0]) or "."
    if not os.path.isdir(folder):
        kind = "is a file" if os.path.exists(folder) else "does not exist"
        raise ConfigError(f"Cannot serve {folder}: it {kind}; name a folder.")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise ConfigError(f"Cannot serve {folder}: there is no permission to read it.")


def make_portal(
    settings: Settings, reactor: Any, workers: IWorkers, places: AnyPlaces | None = None
) -> Portal:
    """Who is let in, and what he is given.

    Args:
        settings: As the operator wants it.
        reactor: For what takes time.
        workers: For what blocks.
        places: For anonymous users; by default those of this process.

    Raises:
        ConfigError: Users cannot be checked as the settings say, or nobody could log in.
    """
    if not settings.auth:
        raise ConfigError(
            "Nobody could log in: say how users are checked with --auth or auth, "
            "such as --auth memory:alice:secret."
        )
    files = settings.files
    realm: IRealm = LocalRealm(
        files.root,
        workers,
        upload_mode=files.upload_mode,
        anonymous=settings.anonymous,
        mounts=dict(map(mounted, files.mounts)),
        layers=_layers(settings),
        quotas=_quotas(settings),
        unix=_unix_users(settings, reactor),
        stores=ObjectFilesystems(
            reactor, Stores.from_settings(settings.objects), settings.objects.threads
        ),
        umask=int(files.umask, 8),
        options=LocalOptions.from_settings(files),
        places=places,
    )
    checkers = [_checker(description) for description in settings.auth]
    for checker in checkers:
        if INeedsThreads.providedBy(checker):
            checker.use(reactor, workers)
        if IGivesRealm.providedBy(checker):
            realm = checker.realm(realm, workers)
    return Portal(realm, list(compose(checkers)))


def _layers(settings: Settings) -> Layers:
    """What is around each folder.

    Raises:
        ConfigError: The keys of files cannot be had.
    """
    try:
        return Layers.from_settings(settings.files, settings.encryption)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _quotas(settings: Settings) -> Quotas | None:
    """How much may be stored.

    Raises:
        ConfigError: The ledger cannot be used, or there is none.
    """
    quota = settings.quota
    if not quota.ledger and (quota.octets or quota.files):
        raise ConfigError("There are quotas and no ledger: name a file with quota.ledger.")
    try:
        return Quotas.from_settings(quota)
    except OSError as error:
        raise ConfigError(f"The ledger of quotas cannot be used: {error}.") from None


def _unix_users(settings: Settings, reactor: Any) -> UnixUsers | None:
    """As whom users act; None if all of them are the server.

    Raises:
        ConfigError: They cannot act as anybody else.
    """
    unix = settings.unix
    if not unix.enabled:
        if "{home}" in settings.files.root:
            raise ConfigError(
                "{home} in files.root stands for the home folder of a user of this machine: add "
                "--unix-users."
            )
        return None
    why = objection()
    if why:
        raise ConfigError(f"--unix-users cannot work: {why}.")
    anonymous = look_up(unix.anonymous)
    if settings.anonymous.enabled and (anonymous is None or anonymous.owner.uid == 0):
        raise ConfigError(
            f"Anonymous users cannot act as {unix.anonymous!r}: name a user of this machine, not "
            "root, with unix.anonymous."
        )
    try:
        return UnixUsers(unix, BoundedWorkers(reactor, threads=4, queue=64))
    except MissingExtraError as error:
        raise ConfigError(f"unix.account_service: {error}.") from None


def _checker(description: str) -> Any:
    kind = description.partition(":")[0]  # what is behind may be a password
    try:
        return make_checker(description)
    except strcred.InvalidAuthType:
        known = sorted({factory.authType for factory in strcred.findCheckerFactories()})
        raise ConfigError(
            f"There is no way to check users called {kind!r}: there are {', '.join(known)}."
        ) from None
    except AuthStringError as error:
        raise ConfigError(f"--auth {kind}: {error}") from None
    except (strcred.StrcredException, ValueError, TypeError, OSError):
        raise ConfigError(
            f"The --auth string that begins with {kind!r} is not accepted: "
            f"twistd ftptls --help-auth-type {kind} says how it is written."
        ) from None


def see_that_logins_work(settings: Settings, portal: Portal) -> None:
    """See that what policy and rules demand of logins can be had.

    Raises:
        ConfigError: It cannot.
    """
    demanded = {settings.policy.login: "policy.login"}
    for rule in settings.rules:
        if "login" in rule.policy:
            demanded.setdefault(rule.policy["login"], "login of a rule")
    checked = set(portal.listCredentialsInterfaces())
    for mode, setting in demanded.items():
        where = f'{setting} = "{mode.value}"'
        usable = _CHECKED_BY[mode] & checked
        if not usable:
            raise ConfigError(f"With {where} nobody could log in: {_REMEDY[mode]}.")
        if usable <= _OF_CERTIFICATES and not _asks_for_certificates(settings):
            raise ConfigError(f"With {where} nobody could log in, for {_NOT_ASKED}.")


def see_that_certificates_are_asked_for(listeners: Iterable[Settings]) -> None:
    """See that some client is asked for the certificates that ``x509:`` looks at.

    Args:
        listeners: The settings of each.

    Raises:
        ConfigError: None is.
    """
    several = list(listeners)
    named = any(each.partition(":")[0] == "x509" for here in several for each in here.auth)
    if named and not any(map(_asks_for_certificates, several)):
        raise ConfigError(f"--auth x509 is of no use, for {_NOT_ASKED}.")


def _asks_for_certificates(settings: Settings) -> bool:
    asking: list[Any] = [settings.client_certificates.mode]
    asking += [host.client_certificates.get("mode") for host in settings.hosts]
    return any(mode not in (None, ClientCertificate.NONE) for mode in asking)
