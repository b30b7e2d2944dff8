"""What must hold of a session, said once more and simply (RFC 959, RFC 3659, RFC 4217)."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field

from ftptls.settings import Requirement
from ftptls.testing.dialogue import PASSWORD, USER
from tests.fuzz.known import BEFORE_LOGIN, BETWEEN, FAILS, SIMPLE, USED_UP_BY, Codes, Known
from tests.fuzz.serving import LIMITS, Kind


@dataclass
class Model:
    """A server of one client, of which only the replies' codes are known.

    Attributes:
        kind: The listener.
        files: Octets by path.
        folders: Paths.
        now: The session.
        closing: Whether the last reply was the end.
    """

    kind: Kind
    files: dict[str, bytes]
    folders: set[str] = field(default_factory=set)
    now: Known = field(default_factory=Known)
    closing: bool = False

    @classmethod
    def of(cls, kind: Kind, content: Mapping[str, bytes]) -> Model:
        """A model of what such a server is at first."""
        folders = {folder for path in content for folder in _above(path)}
        model = cls(kind, dict(content), folders)
        model.connect()
        return model

    def connect(self) -> None:
        """Somebody connected."""
        self.closing = False
        self.now = Known(secured=self.kind.implicit, private=self.kind.implicit)

    def path(self, name: str) -> str:
        """Where a name leads from here."""
        return posixpath.normpath(posixpath.join(self.now.directory, name))

    # --- every command ---------------------------------------------------------------------

    def answer(self, line: str) -> Codes:
        """What the reply may be, or the first one; the session is then as it is behind it."""
        verb, _, argument = line.partition(" ")
        said = line[:9] if line.startswith("OPTS HASH") else verb
        for name, between in BETWEEN.items():
            if said not in between:
                self._void(name)
        if verb not in BEFORE_LOGIN and not self.now.user:
            return frozenset({530})
        found = getattr(self, f"_{verb.lower()}")(argument)
        for name in USED_UP_BY.get(verb, "").split():
            self._void(name)
        return frozenset({found}) if isinstance(found, int) else found

    def _void(self, name: str) -> None:
        setattr(self.now, name, getattr(Known(), name))

    def _anew(self, *, secured: bool) -> None:
        """Nothing of the session is left but the count of failures."""
        failures, private = self.now.failures, self.kind.implicit
        self.now = Known(secured=secured, private=private, failures=failures)

    # --- who it is ---------------------------------------------------------------------------

    def _user(self, name: str) -> int:
        now = self.now
        now.user, now.pending, now.directory = "", None, "/"
        if self.kind.login_takes_tls and not now.secured:
            return 530
        now.pending = name
        return 331

    def _pass(self, password: str) -> int:
        now = self.now
        name, now.pending = now.pending, None
        if name is None:
            return 503
        if (name, password) == (USER, PASSWORD):
            now.user, now.failures = name, 0
            return 230
        now.failures += 1
        self.closing = now.failures >= LIMITS.login_attempts
        return 421 if self.closing else 530

    def _acct(self, _: str) -> int:
        return 202 if self.now.user else 503

    def _rein(self, _: str) -> int:
        self._anew(secured=self.now.secured and self.kind.implicit)
        return 220

    def _quit(self, _: str) -> int:
        self.closing = True
        return 221

    # --- protection ----------------------------------------------------------------------------

    def _auth(self, mechanism: str) -> int:
        if mechanism not in ("TLS", "TLS-C", "TLS-P", "SSL"):
            return 504
        now = self.now
        if now.secured:
            return 503
        if now.user and not (now.cleared or self.kind.policy.auth_after_login):
            return 503
        self._anew(secured=True)
        self.now.private |= mechanism in ("TLS-P", "SSL")
        return 234

    def _ccc(self, _: str) -> int:
        now = self.now
        if not now.secured:
            return 533
        if not self.kind.policy.ccc:
            return 534
        if not now.user:
            return 530
        now.secured, now.cleared = False, True
        return 200

    def _pbsz(self, _: str) -> int:
        if not self.now.secured:
            return 503
        self.now.buffer_agreed = True
        return 200

    def _prot(self, level: str) -> int:
        if level in ("S", "E"):
            return 536
        if not (self.now.secured and self.now.buffer_agreed):
            return 503
        self.now.private = level == "P"
        return 200

    # --- parameters ----------------------------------------------------------------------------

    def _type(self, code: str) -> int:
        if code not in ("A", "I"):
            return 504
        self.now.ascii = code == "A"
        return 200

    def _mode(self, code: str) -> int:
        if code not in ("S", "Z"):
            return 504
        self.now.deflated = code == "Z"
        return 200

    def _rest(self, octets: str) -> int:
        self.now.marker = int(octets)
        return 350

    def _rang(self, octets: str) -> int:
        first, last = map(int, octets.split())
        self.now.part = (first, last + 1) if first <= last else None
        return 350

    def _pasv(self, _: str) -> int:
        return self._port("PASV", 227)

    def _epsv(self, argument: str) -> int:
        if argument == "ALL":
            self.now.extended_only = True
            return 200
        if argument == "2":
            return 522
        self.now.port = "PASV"
        return 229

    def _eprt(self, _: str) -> int:
        return self._port("PORT", 200)

    def _port(self, how: str, code: int = 200) -> int:
        if self.now.extended_only:
            return 503
        self.now.port = "PASV" if how == "PASV" else "PORT"
        return code

    # --- files -----------------------------------------------------------------------------------

    def _cwd(self, name: str) -> int | Codes:
        target = self.path(name)
        if target not in self.folders:
            return FAILS
        self.now.directory = target
        return 250

    def _cdup(self, _: str) -> int | Codes:
        return self._cwd("..")

    def _mkd(self, name: str) -> int | Codes:
        target = self.path(name)
        if self._is_there(target) or posixpath.dirname(target) not in self.folders:
            return FAILS
        self.folders.add(target)
        return 257

    def _rmd(self, name: str) -> int | Codes:
        target = self.path(name)
        if target not in self.folders - {"/"} or self._within(target):
            return FAILS
        self.folders.remove(target)
        return 250

    def _dele(self, name: str) -> int | Codes:
        return 250 if self.files.pop(self.path(name), None) is not None else FAILS

    def _rnfr(self, name: str) -> int | Codes:
        source = self.path(name)
        self.now.rename_from = source if self._is_there(source) else None
        return 350 if self.now.rename_from else FAILS

    def _rnto(self, name: str) -> int | Codes:
        source, target = self.now.rename_from, self.path(name)
        if source is None:
            return 503
        onto_folder = target in self.folders
        if "/" in (source, target) or posixpath.dirname(target) not in self.folders:
            return FAILS
        if source in self.files:
            if onto_folder:
                return FAILS
            self.files[target] = self.files.pop(source)
            return 250
        inside = target.startswith(f"{source}/")
        if inside or target in self.files or (target != source and self._within(target)):
            return FAILS
        self._move(source, target)
        return 250

    def _move(self, source: str, target: str) -> None:
        def moved(path: str) -> str:
            within = path == source or path.startswith(f"{source}/")
            return target + path[len(source) :] if within else path

        self.files = {moved(path): data for path, data in self.files.items()}
        self.folders = {moved(path) for path in self.folders}

    def _size(self, name: str) -> int | Codes:
        return 213 if self.path(name) in self.files and not self.now.ascii else FAILS

    def _hash(self, name: str) -> int | Codes:
        path = self.path(name)
        if path not in self.files:
            return FAILS
        part = self.now.part
        return 213 if part is None or part[0] < len(self.files[path]) else FAILS | {213}

    def _abor(self, _: str) -> int:
        self.now.port = ""
        return 226

    def __getattr__(self, name: str) -> object:
        """What changes nothing that is known here."""
        code = SIMPLE.get(name.removeprefix("_").upper())
        if code is None:
            raise AttributeError(name)
        return lambda _argument: code

    # --- transfers -------------------------------------------------------------------------------

    def _retr(self, name: str) -> int | Codes:
        now, data = self.now, self.files.get(self.path(name))
        if self._is_refused():
            return 521
        if now.ascii and (now.marker or now.part):
            return 554
        if data is None:
            return FAILS
        return 554 if now.marker > len(data) else self._begin()

    def _stor(self, name: str) -> int | Codes:
        now, path = self.now, self.path(name)
        if self._is_refused():
            return 521
        if now.part or (now.ascii and now.marker):
            return 554
        if posixpath.dirname(path) not in self.folders or path in self.folders:
            return FAILS
        return 554 if now.marker > len(self.files.get(path, b"")) else self._begin()

    _appe = _stor

    def _stou(self, _: str) -> int | Codes:
        if self._is_refused():
            return 521
        return self._begin() if self.now.directory in self.folders else FAILS

    def _list(self, name: str) -> int | Codes:
        if self._is_refused():
            return 521
        return self._begin() if self._is_there(self.path(name)) else FAILS

    _nlst = _list

    def _mlsd(self, name: str) -> int | Codes:
        if self._is_refused():
            return 521
        return self._begin() if self.path(name) in self.folders else FAILS

    def _is_refused(self) -> bool:
        return self.kind.policy.data_protection is Requirement.REQUIRED and not self.now.private

    def _begin(self) -> int:
        if not self.now.port:
            return 425
        self.now.port = ""
        return 150

    # --- what is where ---------------------------------------------------------------------------

    def _is_there(self, path: str) -> bool:
        return path in self.files or path in self.folders

    def _within(self, folder: str) -> list[str]:
        return [path for path in [*self.files, *self.folders] if path.startswith(f"{folder}/")]

    def children(self, folder: str) -> set[str]:
        """The names in a folder."""
        paths = (self.files.keys() | self.folders) - {"/"}
        return {posixpath.basename(path) for path in paths if posixpath.dirname(path) == folder}


def _above(path: str) -> list[str]:
    """The folders that a path is in."""
    found = [posixpath.dirname(path)]
    while found[-1] != "/":
        found.append(posixpath.dirname(found[-1]))
    return found
