"""Commands in any order against a model: what each is answered, and what is left behind it."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import PurePosixPath

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ftptls.session import DataPort, Login, Parameters
from ftptls.testing.dialogue import PASSWORD, USER, Client
from ftptls.testing.wires import Ending, Wire
from ftptls.wire.arguments import ProtectionLevel
from ftptls.wire.representation import Representation, TransferMode
from tests.fuzz.model import Model
from tests.fuzz.moved import File
from tests.fuzz.scale import fuzz
from tests.fuzz.serving import Kind, kinds, served

CONTENT = {"/f": b"0123\n45\n", "/sub/g": b"", "/sub/deep/h": b"\0\xff" * 50}

# Pieces in which things arrive; of smaller ones, handshakes take many.
sizes = st.lists(st.integers(40, 2000), min_size=1, max_size=5)
names = st.sampled_from(["f", "/f", "new", "sub", "sub/g", "sub/new", "..", "sub/deep", "no/x"])
_with_name = st.sampled_from(["CWD", "MKD", "RMD", "DELE", "RNFR", "RNTO", "SIZE", "HASH"])
plain = st.one_of(
    st.sampled_from(["CDUP", "PWD", "NOOP", "SYST", "FEAT", "STAT", "HELP", "XYZZY", "ACCT x"]),
    st.sampled_from(["ABOR", "ALLO 5", "LANG en", "STRU F", "EPSV ALL", "EPSV 2", "AUTH GSSAPI"]),
    st.sampled_from(["TYPE A", "TYPE I", "TYPE E", "MODE S", "MODE Z", "MODE B"]),
    st.sampled_from(["REST 0", "REST 2", "REST 99", "RANG 1 2", "RANG 1 0", "RANG 90 99"]),
    st.sampled_from(["PBSZ 0", "PROT P", "PROT C", "PROT S"]),
    st.sampled_from(["USER alice", "USER nobody", f"PASS {PASSWORD}", "PASS wrong"]),
    st.sampled_from(["OPTS MLST type;", "OPTS HASH MD5", "OPTS UTF8 ON"]),
    st.sampled_from(["SITE IDLE 60", "SITE UMASK 077", "SITE CPFR f"]),
    st.builds("{} {}".format, _with_name, names),
)
parameters = st.lists(
    st.sampled_from(["TYPE I", "TYPE A", "MODE Z", "MODE S", "REST 2", "RANG 1 3"]), max_size=2
)
meanwhile = st.sampled_from(
    [(), (), ("NOOP",), ("STAT", "PWD"), ("ABOR",), ("ABOR", "PWD"), ("QUIT",)]
)

# What two sessions in the same state are told alike.
_ALIKE = [
    *("STAT", "FEAT", "PWD", "SYST", "SITE IDLE", "SITE UMASK", "SITE WHOAMI", "MLST f", "RNTO x"),
    *(
        "SITE CPTO x",
        "HASH f",
        "RETR f",
        "STOR x",
        "PASV 1",
        "MKD probe",
        "MLST probe",
        "RMD probe",
    ),
]
_CHANGES = re.compile(r"(?:modify|create|unique)=[^;]*;", re.IGNORECASE)


class Sessions(RuleBasedStateMachine):
    """One client after the other, whose files stay."""

    @initialize(kind=kinds, sizes=sizes)
    def start(self, kind: Kind, sizes: list[int]) -> None:
        self.stack = ExitStack()
        self.served = self.stack.enter_context(served(kind, CONTENT))
        self.stack.callback(self.served.server.reactor.deliver_in, None)
        self.model = Model.of(kind, CONTENT)
        self.served.server.reactor.deliver_in(sizes)
        self.connect()

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.stack.close()

    # --- speaking --------------------------------------------------------------------------------

    def connect(self) -> None:
        self.client = self.served.server.connect()
        self.pi = self.served.pi
        self.model.connect()
        self.number = 0
        self.wire: Wire | None = None

    def say(self, *lines: str) -> None:
        """Say lines at once; each must have the reply that the model has.

        While HASH works, NOOP and STAT are answered, and no 1xx tells that it does: what
        is behind it is said later.
        """
        for batch in _parted(lines):
            self.client.send(*batch)
            for line in batch:
                if self.model.closing:
                    break
                self.expect(line)
            self.go_on()

    def expect(self, line: str) -> str:
        codes = self.model.answer(line)
        return self.hear(line, codes)

    def hear(self, line: str, codes: frozenset[int] | set[int]) -> str:
        answer = self.client.answer()
        for _ in range(10):
            if answer is None:
                self.client.wait(1)
                answer = self.client.answer()
        assert answer is not None, f"{line}: no answer, {self.client.control.end}"
        assert answer.code in codes, f"{line}: {answer}, not {sorted(codes)[:9]}"
        if answer.code in (227, 229):
            *_, high, low = re.findall(r"\d+", f"0 {answer.text}".rstrip(")."))
            self.number = int(high) * 256 + int(low) if answer.code == 227 else int(low)
            self.wire = None
        return str(answer)

    def go_on(self) -> None:
        """Connect again, if that was the end."""
        assert self.client.closed == self.model.closing
        if self.model.closing:
            assert self.client.quiet
            self.client.leave()
            self.connect()

    # --- commands --------------------------------------------------------------------------------

    @rule(lines=st.lists(plain, min_size=1, max_size=6))
    def several(self, lines: list[str]) -> None:
        self.say(*lines)

    @rule()
    def log_in(self) -> None:
        if self.model.kind.login_takes_tls and not self.model.now.secured:
            self.auth("TLS")
        self.say(f"USER {USER}", f"PASS {PASSWORD}")

    @rule(level=st.sampled_from("PPC"))
    def protect(self, level: str) -> None:
        self.say("PBSZ 0", f"PROT {level}")

    @rule(mechanism=st.sampled_from(["TLS", "TLS", "TLS-P", "SSL"]))
    def auth(self, mechanism: str) -> None:
        answer = self.ask(f"AUTH {mechanism}")
        if answer.startswith("234"):
            self.client.control.start_tls(self.client.context)
            self.assert_anew()

    @rule()
    def ccc(self) -> None:
        if self.ask("CCC").startswith("200"):
            self.lower()

    @rule()
    def rein(self) -> None:
        was_secured = self.model.now.secured
        self.ask("REIN")
        if was_secured and not self.model.now.secured:
            self.lower()
        self.assert_anew()

    @rule(behind=st.sampled_from(["NOOP", "USER alice"]))
    @precondition(lambda self: not self.model.now.secured and not self.model.now.user)
    def something_behind_auth(self, behind: str) -> None:
        """It is not carried out, whether it came before the 234 or after it."""
        self.client.send("AUTH TLS", behind)
        if self.hear("AUTH", {234, 421}).startswith("234"):
            self.hear(behind, {421})
        self.model.closing = True
        self.go_on()

    @rule()
    def quit(self) -> None:
        self.say("QUIT")

    def ask(self, line: str) -> str:
        self.client.send(line)
        return self.expect(line)

    def lower(self) -> None:
        self.client.control.notify()
        self.client.wait(1)
        self.client.control.take()
        self.client.control.stop_tls()

    def assert_anew(self) -> None:
        """Nothing is left of the session before."""
        session = self.pi.session
        assert session.parameters == Parameters()
        assert session.data_port == DataPort()
        assert session.login == Login(failures=session.login.failures)
        assert session.host == ""
        assert not session.security.buffer_agreed
        assert not session.security.cleared

    @rule()
    def begin_anew_and_behave_like_a_new_one(self) -> None:
        self.rein()
        old = self.told(self.client)
        self.model.answer("AUTH TLS")
        self.model.answer(f"USER {USER}")
        self.model.answer(f"PASS {PASSWORD}")
        other = self.served.server.connect()
        new = self.told(other)
        other.ask("QUIT", 221)
        other.leave()
        assert old == new

    def told(self, client: Client) -> list[str]:
        """What a session that has just begun is told of itself, once it is logged in."""
        if client.control.tls is None:
            client.ask("AUTH TLS", 234)
            client.control.start_tls(client.context)
        client.send(f"USER {USER}", f"PASS {PASSWORD}", *_ALIKE)
        answers = [client.answer() for _ in range(2 + len(_ALIKE))]
        return [_CHANGES.sub("", str(answer)) for answer in answers]

    # --- transfers -------------------------------------------------------------------------------

    @rule(
        verb=st.sampled_from(
            ["RETR", "RETR", "STOR", "STOR", "APPE", "STOU", "LIST", "NLST", "MLSD"]
        ),
        name=names,
        prepare=parameters,
        how=st.sampled_from(["PASV", "EPSV", "PORT", "EPRT", ""]),
        payload=st.text("ab\n\0", max_size=20).map(str.encode),
        ending=st.sampled_from([*[Ending.POLITE] * 4, *Ending]),
        meanwhile=meanwhile,
        ready=st.sampled_from([True, True, False]),
    )
    def transfer(
        self,
        verb: str,
        name: str,
        prepare: list[str],
        how: str,
        payload: bytes,
        ending: Ending,
        meanwhile: tuple[str, ...],
        ready: bool,
    ) -> None:
        if ready and not self.model.now.user:
            self.log_in()
        if ready and self.model.now.secured:
            self.protect("P")
        self.open(how)
        for line in prepare:
            self.ask(line)
        port = self.model.now.port
        if port == "PASV" and self.wire is None:
            self.wire = self.client.dial(self.number)
        before = File(self.model, name)
        line = verb if verb == "STOU" else f"{verb} {name}"
        if not self.ask(line).startswith("150"):
            return
        wire = self.wire if port == "PASV" else self.data_port.wire
        self.wire = None
        assert wire is not None
        if verb in ("STOR", "APPE", "STOU"):
            self.receive(before, verb, wire, payload, ending, meanwhile)
        else:
            self.send(before, verb, wire, meanwhile)
        wire.close()
        self.go_on()

    def open(self, how: str) -> None:
        """Prepare a data connection, if that is possible."""
        if how in ("PORT", "EPRT"):
            if self.model.now.user and not self.model.now.extended_only:
                self.model.answer(how)
                self.data_port = self.client.open(how)
        elif how:
            self.ask(how)

    def shake_hands(self, wire: Wire) -> None:
        if self.model.now.private:
            self.client.protect(wire, resume=self.client.control.tls is not None)

    def send(self, before: File, verb: str, wire: Wire, meanwhile: tuple[str, ...]) -> None:
        """The server sends; what must arrive is known."""
        if not before.private:
            meanwhile = ()  # it has sent everything already
        aborted = "ABOR" in meanwhile
        self.client.send(*meanwhile)
        if not aborted:
            self.shake_hands(wire)
        self.hear_the_end(meanwhile, whole=not aborted)
        if aborted:
            return
        data = wire.take()
        assert wire.end is not None
        assert wire.notified == before.private
        if before.deflated:
            data = zlib.decompress(data)
        if verb == "RETR":
            assert data == before.downloaded()
        elif verb == "MLSD":
            lines = data.decode().splitlines()
            inside = {line.partition("; ")[2] or line.partition(" ")[2] for line in lines}
            assert inside - {".", ".."} == before.children

    def receive(
        self,
        before: File,
        verb: str,
        wire: Wire,
        payload: bytes,
        ending: Ending,
        meanwhile: tuple[str, ...],
    ) -> None:
        """The server receives; what is stored behind it is all, or nothing."""
        aborted = "ABOR" in meanwhile
        self.shake_hands(wire)
        wire.send(before.encoded(payload))
        self.client.send(*meanwhile)
        if not aborted:
            wire.stop(ending)
        ends_well = {Ending.POLITE: True, Ending.FIN: not before.private}.get(ending, False)
        maybe = ending is Ending.NOTIFY_AND_RESET and before.private
        final = self.hear_the_end(
            meanwhile, whole=None if maybe and not aborted else ends_well and not aborted
        )
        path = before.path
        if verb == "STOU":
            path = final.partition("FILE: ")[2].partition(" (")[0]
        stored = self.served.contents()
        whole = before.stored(verb, payload)
        if final.startswith("226"):
            self.model.files[path] = whole
        elif verb == "STOU" or (verb == "STOR" and not before.marker):
            assert stored == self.model.files
        elif path in stored:  # in place: as much as came is there, and nothing else
            assert stored[path] in {before.stored(verb, payload[:n]) for n in range(21)}
            self.model.files[path] = stored[path]

    def hear_the_end(self, meanwhile: tuple[str, ...], *, whole: bool | None) -> str:
        """What was said meanwhile is answered at once if it may be, and otherwise behind it."""
        rest = list(meanwhile)
        while rest and rest[0] in ("NOOP", "STAT"):
            self.expect(rest.pop(0))
        codes = {226, 426} if whole is None else {226 if whole else 426}
        final = self.hear("the transfer", codes)
        for line in rest:
            self.expect(line)
        return final

    # --- what must hold always -------------------------------------------------------------------

    @invariant()
    def the_session_is_as_the_model_has_it(self) -> None:
        if not hasattr(self, "model"):
            return
        session, now = self.pi.session, self.model.now
        assert session.security.secured == now.secured
        assert session.security.cleared == now.cleared
        assert session.security.buffer_agreed == now.buffer_agreed
        assert (session.security.level is ProtectionLevel.PRIVATE) == now.private
        assert session.login.user == now.user
        assert session.login.pending == now.pending
        assert session.login.failures == now.failures
        parameters = session.parameters
        assert parameters.directory == PurePosixPath(now.directory)
        assert (parameters.representation is Representation.ASCII) == now.ascii
        assert (parameters.mode is TransferMode.DEFLATE) == now.deflated
        assert parameters.marker == now.marker
        assert (parameters.range is not None) == (now.part is not None)
        assert parameters.rename_from == (now.rename_from and PurePosixPath(now.rename_from))
        assert session.data_port.extended_only == now.extended_only

    @invariant()
    def the_files_are_as_the_model_has_them(self) -> None:
        if hasattr(self, "model"):
            assert self.served.contents() == self.model.files


def _parted(lines: Iterable[str]) -> list[list[str]]:
    batches: list[list[str]] = [[]]
    for line in lines:
        batches[-1].append(line)
        if line.startswith("HASH"):
            batches.append([])
    return [batch for batch in batches if batch]


Sessions.TestCase.settings = fuzz(0.1, steps=25)
TestSessions = Sessions.TestCase
