"""What each command answers, well-formed and not."""

from __future__ import annotations

from contextlib import suppress

import pytest

from ftptls.commands import Context, standard_commands
from ftptls.testing.dialogue import WireError
from ftptls.wire.arguments import ArgumentError
from ftptls.wire.lines import parse_command

CONTENT = {"/a.txt": b"text\n", "/dir/b": b"b", "/empty/": b""}

GOOD = [
    ("NOOP", 200),
    ("NOOP with words", 200),
    ("SYST", 215),
    ("HELP", 214),
    ("HELP STOR", 214),
    ("HELP stor", 214),
    ("FEAT", 211),
    ("STAT", 211),
    ("STAT dir", 212),
    ("STAT a.txt", 213),
    ("PWD", 257),
    ("XPWD", 257),
    ("CWD dir", 250),
    ("XCWD /dir", 250),
    ("CDUP", 250),
    ("XCUP", 250),
    ("TYPE A", 200),
    ("TYPE A N", 200),
    ("TYPE A T", 200),
    ("TYPE I", 200),
    ("TYPE L 8", 200),
    ("STRU F", 200),
    ("MODE S", 200),
    ("MODE Z", 200),
    ("mode z", 200),
    ("OPTS MODE Z LEVEL 9", 200),
    ("OPTS MODE Z", 200),
    ("ALLO 100", 202),
    ("ALLO 100 R 10", 202),
    ("REST 0", 350),
    ("REST 100", 350),
    ("PASV", 227),
    ("EPSV", 229),
    ("EPSV 1", 229),
    ("EPSV ALL", 200),
    ("PORT 192,0,2,1,200,0", 200),
    ("EPRT |1|192.0.2.1|51200|", 200),
    ("SIZE a.txt", 213),
    ("MDTM a.txt", 213),
    ("MDTM dir", 213),
    ("MDTM 20200101000000 a.txt", 213),
    ("MDTM 20200101000000.5 dir", 213),
    ("MFMT 20200101000000 a.txt", 213),
    ("MFMT 20200101000000.125 dir", 213),
    ("MFCT 20200101000000 a.txt", 213),
    ("MFF Modify=20200101000000;UNIX.mode=600; a.txt", 213),
    ("MFF create=20200101000000; a.txt", 213),
    ("SITE CHMOD 600 a.txt", 200),
    ("SITE CHMOD 0755 dir", 200),
    ("SITE UTIME 202001010000 a.txt", 200),
    ("SITE UTIME 20200101000000 a.txt", 200),
    ("SITE UTIME a.txt 20200101000000 20200101000000 20200101000000 UTC", 200),
    ("SITE MKDIR new/deep/er", 257),
    ("SITE MKDIR dir", 257),
    ("SITE UMASK", 200),
    ("SITE UMASK 077", 200),
    ("AVBL", 213),
    ("AVBL dir", 213),
    ("MLST", 250),
    ("MLST a.txt", 250),
    ("RNFR a.txt", 350),
    ("DELE a.txt", 250),
    ("MKD new", 257),
    ("XMKD new", 257),
    ("RMD empty", 250),
    ("XRMD empty", 250),
    ("OPTS UTF8 ON", 200),
    ("OPTS UTF8", 200),
    ("opts utf8 on", 200),
    ("OPTS UTF-8 ON", 200),
    ("OPTS MLST", 200),
    ("OPTS MLST type;size;", 200),
    ("ABOR", 226),
    ("REIN", 220),
    ("PBSZ 0", 200),
    ("PBSZ 32768", 200),
    ("PROT C", 200),
    ("PROT P", 200),
    ("prot p", 200),
    ("ACCT money", 202),
    ("LANG", 200),
    ("LANG en", 200),
    ("LANG EN-gb", 200),
    ("CLNT NcFTP 3.2.6", 200),
    ("CSID Name=FTP Voyager; Version=15.0.0.2;", 200),
    ("RANG 0 9", 350),
    ("RANG 1 0", 350),
    ("HASH a.txt", 213),
    ('HASH "a.txt"', 213),
    ("OPTS HASH", 200),
    ("OPTS HASH sha-512", 200),
    ("XCRC a.txt", 250),
    ('XCRC "a.txt" 0 5', 250),
    ("XMD5 a.txt", 250),
    ("XSHA a.txt", 250),
    ("XSHA1 a.txt", 250),
    ("XSHA256 a.txt 5", 250),
    ('XSHA512 "a.txt", 0, 5', 250),
    ("MD5 a.txt", 251),
    ("SITE COPY a.txt copy", 250),
    ('SITE COPY "a.txt" "dir/a copy"', 250),
    ("SITE CPFR a.txt", 350),
    ('COMB "new" "a.txt" "dir/b"', 250),
    ("SITE HELP", 214),
    ("SITE HELP IDLE", 214),
    ("SITE WHOAMI", 200),
    ("SITE IDLE", 200),
    ("SITE IDLE 600", 200),
    ("QUIT", 221),
]

BAD = [
    ("", 500),
    ("XYZZY", 500),
    ("123", 500),
    (" PWD", 500),
    ("PWD now", 501),
    ("CWD", 501),
    ("CWD nowhere", 550),
    ("CWD a.txt", 550),
    ("CWD a.txt/..x", 550),
    ("TYPE", 501),
    ("TYPE X", 501),
    ("TYPE E", 504),
    ("TYPE A C", 504),
    ("TYPE L 16", 504),
    ("TYPE I N", 501),
    ("STRU", 501),
    ("STRU R", 504),
    ("STRU P", 504),
    ("STRU Q", 501),
    ("MODE B", 504),
    ("MODE C", 504),
    ("MODE X", 501),
    ("MODE", 501),
    ("MODE SZ", 501),
    ("OPTS MODE", 501),
    ("OPTS MODE S", 501),
    ("OPTS MODE Z LEVEL", 501),
    ("OPTS MODE Z LEVEL 10", 501),
    ("OPTS MODE Z LEVEL -1", 501),
    ("OPTS MODE Z ENGINE BZIP2", 501),
    ("OPTS MODE Z METHOD 8", 501),
    ("ALLO", 501),
    ("ALLO x", 501),
    ("REST", 501),
    ("REST -1", 501),
    ("REST 1x", 501),
    ("REST 9223372036854775808", 501),
    ("PASV 1", 501),
    ("EPSV 2", 522),
    ("EPSV 3", 522),
    ("EPSV x", 501),
    ("PORT 1,2,3", 501),
    ("PORT 192,0,2,1,256,0", 501),
    ("EPRT |3|192.0.2.1|51200|", 522),
    ("EPRT |1|192.0.2.1|0|", 501),
    ("EPRT |1|192.0.2.1|65536|", 501),
    ("EPRT |2|192.0.2.1|51200|", 501),
    ("EPRT", 501),
    ("SIZE", 501),
    ("SIZE nowhere", 550),
    ("SIZE dir", 550),
    ("MDTM nowhere", 550),
    ("MDTM", 501),
    ("MDTM 20200101000000 nowhere", 550),
    ("MDTM 20200230000000 a.txt", 501),
    ("MDTM 2020010100000 a.txt", 550),
    ("MFMT", 501),
    ("MFMT 20200101000000", 501),
    ("MFMT 20200101000000 nowhere", 550),
    ("MFMT 20210229000000 a.txt", 501),
    ("MFMT 20200101000061 a.txt", 501),
    ("MFMT a.txt", 501),
    ("MFCT 20200101 a.txt", 501),
    ("MFCT 20200101000000 nowhere", 550),
    ("MFF", 501),
    ("MFF a.txt", 501),
    ("MFF Modify=20200101000000;", 501),
    ("MFF Modify=20200230000000; a.txt", 501),
    ("MFF UNIX.mode=9; a.txt", 501),
    ("MFF UNIX.mode=4755; a.txt", 504),
    ("MFF UNIX.owner=root; a.txt", 504),
    ("MFF UNIX.group=ftp; a.txt", 504),
    ("MFF Modify=20200101000000; nowhere", 550),
    ("SITE CHMOD", 501),
    ("SITE CHMOD 644", 501),
    ("SITE CHMOD u+x a.txt", 501),
    ("SITE CHMOD 888 a.txt", 501),
    ("SITE CHMOD 4755 a.txt", 504),
    ("SITE CHMOD 644 nowhere", 550),
    ("SITE UTIME", 501),
    ("SITE UTIME 202002300000 a.txt", 501),
    ("SITE UTIME 202001010000 nowhere", 550),
    ("SITE MKDIR", 501),
    ("SITE MKDIR a.txt", 550),
    ("SITE MKDIR a.txt/b", 550),
    ("SITE UMASK 8", 501),
    ("SITE UMASK 1022", 504),
    ("SITE SYMLINK a.txt b", 502),
    ("SITE CHGRP ftp a.txt", 502),
    ("AVBL nowhere", 550),
    ("AVBL a.txt", 550),
    ("MLST nowhere", 550),
    ("MLSD a.txt", 501),
    ("MLSD nowhere", 550),
    ("LIST nowhere", 550),
    ("NLST nowhere", 550),
    ("STAT nowhere", 550),
    ("RETR", 501),
    ("RETR nowhere", 550),
    ("RETR dir", 550),
    ("STOR", 501),
    ("STOR dir", 550),
    ("STOU nowhere/x", 550),
    ("STOR nowhere/x", 550),
    ("STOR a.txt/x", 550),
    ("APPE dir", 550),
    ("RNFR nowhere", 550),
    ("RNFR", 501),
    ("RNTO x", 503),
    ("DELE nowhere", 550),
    ("DELE dir", 550),
    ("MKD dir", 550),
    ("MKD nowhere/x", 550),
    ("RMD dir", 550),
    ("RMD nowhere", 550),
    ("RMD a.txt", 550),
    ("RMD /", 550),
    ("OPTS", 501),
    ("OPTS NOPE", 501),
    ("OPTS UTF8 OFF", 504),
    ("OPTS MLST type; size;", 501),
    ("HELP XYZZY", 502),
    ("AUTH TLS", 503),
    ("AUTH", 501),
    ("AUTH KERBEROS", 504),
    ("PBSZ", 501),
    ("PBSZ x", 501),
    ("PBSZ 4294967296", 501),
    ("PROT", 501),
    ("PROT S", 536),
    ("PROT E", 536),
    ("PROT X", 504),
    ("CCC", 534),
    ("CPSV", 534),
    ("SSCN ON", 534),
    ("HOST example.com", 502),
    ("USER", 501),
    ("ACCT", 501),
    ("REIN now", 501),
    ("LANG fr", 504),
    ("LANG 12", 501),
    ("LANG en_GB", 501),
    ("CLNT", 501),
    ("CSID", 501),
    ("SITE", 501),
    ("SITE NOPE", 504),
    ("SITE HELP NOPE", 502),
    ("SITE WHOAMI alice", 501),
    ("SITE IDLE 29", 501),
    ("SITE IDLE 3601", 501),
    ("SITE IDLE soon", 501),
    (b"CWD a\0b", 501),
    (b"CWD a\rb", 501),
    ("MKD " + "x" * 256, 553),
    ("RANG", 501),
    ("RANG 0", 501),
    ("RANG 0 1 2", 501),
    ("RANG 5 4", 501),
    ("RANG -1 4", 501),
    ("RANG 0 9223372036854775807", 501),
    ("RANG 0 99999999999999999999", 501),
    ("HASH", 501),
    ("HASH nowhere", 550),
    ("HASH dir", 553),
    ("OPTS HASH CRC-37", 501),
    ("XCRC", 501),
    ('XCRC "a.txt', 501),
    ('XCRC ""', 501),
    ('XCRC "a.txt" 1 2 3', 501),
    ('XCRC "a.txt" -1', 501),
    ('XCRC "a.txt" 0 6', 550),
    ('XCRC "a.txt" 4 3', 550),
    ('XCRC "a.txt" 0 99999999999999999999', 501),
    ('XCRC "a.txt" 0 9999999999999999999', 550),
    ("XCRC nowhere", 550),
    ("XMD5 dir", 550),
    ("MD5 nowhere", 550),
    ("SITE COPY", 501),
    ("SITE COPY a.txt", 501),
    ("SITE COPY a.txt b c", 501),
    ('SITE COPY "a.txt" "b', 501),
    ("SITE COPY a.txt a.txt", 550),
    ("SITE COPY a.txt ./dir/../a.txt", 550),
    ("SITE COPY a.txt dir", 550),
    ("SITE COPY a.txt nowhere/b", 550),
    ("SITE COPY nowhere b", 550),
    ("SITE COPY dir new", 550),
    ("SITE CPFR nowhere", 550),
    ("SITE CPFR dir", 550),
    ("SITE CPTO b", 503),
    ("COMB", 501),
    ("COMB new", 501),
    ("COMB new nowhere", 550),
    ("COMB new dir", 550),
    ("COMB dir a.txt", 550),
    ("COMB a.txt a.txt", 550),
    ("COMB new a.txt ./a.txt", 550),
]

REFUSED = [
    ("MMD5 a.txt, b.txt", 502),
    ("SMNT /mnt", 502),
    ("ADAT c29tZQ==", 502),
    ("MIC c29tZQ==", 502),
    ("CONF c29tZQ==", 502),
    ("ENC c29tZQ==", 502),
    ("LPRT 4,4,192,0,2,1,2,200,0", 502),
    ("LPSV", 502),
    ("SPSV", 502),
    ("ALGS", 502),
    ("PRET RETR a.txt", 502),
    ("THMB JPG 100 100 a.jpg", 502),
    ("DSIZ dir", 502),
    ("RMDA dir", 502),
    ("MAIL alice", 502),
    ("MLFL alice", 502),
    ("MSND alice", 502),
    ("MSOM alice", 502),
    ("MSAM alice", 502),
    ("MRSQ R", 502),
    ("XSEM alice", 502),
    ("XSEN alice", 502),
    ("XRSQ R", 502),
    ("XRCP alice", 502),
    ("MRCP alice", 502),
]

# RFC 959 §5.3.1, RFC 2228 §3, RFC 2389 §3-4, RFC 2428 §2-3, RFC 2640 §4, RFC 3659.
STANDARD_VERBS = """
    USER PASS ACCT CWD CDUP SMNT REIN QUIT PORT PASV TYPE STRU MODE RETR STOR STOU APPE ALLO
    REST RNFR RNTO ABOR DELE RMD MKD PWD LIST NLST SITE SYST STAT HELP NOOP
    AUTH ADAT PBSZ PROT CCC MIC CONF ENC FEAT OPTS EPRT EPSV LANG MDTM SIZE MLST MLSD
"""


@pytest.mark.parametrize(("line", "code"), GOOD + BAD + REFUSED, ids=str)
def test_one_command(enter, line, code):
    client = enter(CONTENT)
    client.ask(line, code)
    assert client.quiet


@pytest.mark.parametrize(("line", "code"), GOOD, ids=str)
def test_verbs_in_any_case_and_lines_without_cr(enter, line, code):
    client = enter(CONTENT)
    verb, _, rest = line.partition(" ")
    client.control.send(f"{verb.lower()} {rest}".rstrip().encode() + b"\n")
    client.expect(code)


def test_every_verb_of_the_standards_is_known():
    assert set(STANDARD_VERBS.split()) <= set(standard_commands())


def test_every_verb_of_the_table_is_in_these_tests():
    assert set(standard_commands()) - _verbs([*GOOD, *BAD, *REFUSED]) == {"PASS"}
    assert _verbs(REFUSED) == {
        command.verb for command in standard_commands().values() if not command.implemented
    }


def _verbs(rows) -> set[str]:
    """The verbs of the table that are spoken in these rows; those of two words, too."""
    found = set()
    for line, _ in rows:
        with suppress(ArgumentError):
            octets = line if isinstance(line, bytes) else line.encode()
            command, _ = standard_commands().find(parse_command(octets))
            found |= {command.verb} if command else set()
    return found


@pytest.mark.parametrize("verb", [c.verb for c in standard_commands().values() if c.login])
def test_login_comes_first(greet, verb):
    client = greet()
    client.ask(f"{verb} x", 530)


@pytest.mark.parametrize("verb", [c.verb for c in standard_commands().values() if not c.login])
def test_what_needs_no_login_says_so(greet, verb):
    client = greet()
    client.send(f"{verb} x")
    if verb == "PASS":
        client.wait(1)
    answer = client.answer()
    assert answer is not None
    assert answer.code != 530


def test_an_unknown_verb_is_not_repeated_to_the_client(greet):
    client = greet()
    for word in ("PLUGH", "plugh", "PLUGH plugh"):
        assert "plugh" not in client.ask(word, 500).text.lower()


def test_too_many_bad_commands_end_the_connection(greet):
    client = greet()
    for _ in range(19):
        client.ask("XYZZY", 500)
    client.ask("XYZZY", 421)
    assert client.closed


def test_feat_tells_what_the_table_says(greet):
    client = greet()
    context = _context_of(client)
    table = [line for each in standard_commands().values() for line in each.features(context)]
    lines = client.ask("FEAT", 211).lines
    assert lines[0] == "Features:"
    assert lines[-1] == "End"
    assert list(lines[1:-1]) == [f" {line}" for line in table]
    assert {
        "AUTH TLS",
        "PBSZ",
        "PROT",
        "UTF8",
        "EPSV",
        "EPRT",
        "SIZE",
        "MDTM",
        "REST STREAM",
    } <= set(table)
    assert "TVFS" in table
    assert len(table) == len(set(table))


def _context_of(client) -> Context:
    (pi,) = client.server.factory._sessions
    return pi._context


def test_without_a_certificate_there_is_no_tls(serve, settings):
    client = serve(settings=settings(relax=True), tls=False).connect()
    lines = client.ask("FEAT", 211).text
    assert not {"AUTH", "PBSZ", "PROT"} & set(lines.split())
    client.ask("AUTH TLS", 431)
    client.ask("PBSZ 0", 503)
    client.ask("PROT P", 503)
    client.log_in()


def test_features_without_a_command_go_with_it(serve):
    client = serve(commands=standard_commands().without("MLST", "MLSD", "SIZE")).connect()
    lines = client.ask("FEAT", 211).text
    assert "MLST" not in lines
    assert "SIZE" not in lines
    client.ask("SIZE x", 500)


def test_help_lists_what_is_implemented_and_nothing_else(greet):
    client = greet()
    listed = set(" ".join(client.ask("HELP", 214).lines[1:-1]).split())
    implemented = {each.verb for each in standard_commands().values() if each.implemented}
    assert listed == {verb for verb in implemented if " " not in verb}


@pytest.mark.parametrize("command", standard_commands().values(), ids=lambda c: c.verb)
def test_help_explains_each_command(greet, command):
    assert command.syntax in greet().ask(f"HELP {command.verb}", 214).text


def test_help_of_a_family_explains_its_members(greet):
    lines = greet().ask("HELP OPTS", 214).lines
    for command in standard_commands().family("OPTS"):
        assert f" {command.syntax} - {command.help}" in lines


def test_opts_mlst_chooses_facts(enter):
    client = enter(CONTENT)
    assert client.ask("OPTS MLST size;TYPE;nonsense;", 200).text == "MLST OPTS type;size;"
    assert client.ask("MLST a.txt", 250).lines[1] == " type=file;size=5; /a.txt"
    assert "MLST type*;size*;modify;perm;" in client.ask("FEAT", 211).text
    assert client.ask("OPTS MLST", 200).text == "MLST OPTS "
    assert client.ask("MLST a.txt", 250).lines[1] == "  /a.txt"


def test_replies_to_pipelined_commands_come_in_order(enter, mode):
    client = enter(CONTENT, mode=mode)
    client.send("PWD", "CWD dir", "PWD", "CWD nowhere", "SIZE b", "XYZZY", "NOOP")
    codes = [client.expect(257, 250, 550, 213, 500, 200).code for _ in range(7)]
    assert codes == [257, 250, 257, 550, 213, 500, 200]
    assert client.quiet


def test_commands_octet_by_octet(enter, mode):
    client = enter(CONTENT, mode=mode)
    client.server.reactor.deliver_in([1])
    client.ask("CWD dir", 250)
    assert client.ask("PWD", 257).text.startswith('"/dir"')


def test_telnet_in_the_command_stream(enter):
    client = enter()
    client.control.send(b"\xff\xf4\xff\xf2ABOR\r\n")
    client.expect(226)
    client.control.send(b"\xff\xfd\x06NO\xff\xf1OP\r\n")
    data = client.control.take()
    assert data == b"\xff\xfc\x06200 OK.\r\n"


def test_nothing_is_executed_behind_quit(enter):
    client = enter(CONTENT)
    client.send("QUIT", "DELE a.txt")
    client.expect(221)
    assert client.quiet
    assert "/a.txt" in client.server.filesystem.contents()
    with pytest.raises(WireError, match="FIN"):
        client.ask("NOOP", 200)


def test_shutdown_says_421(enter, mode):
    client = enter(mode=mode)
    gone = client.server.factory.shut_down()
    client.expect(421)
    assert client.closed
    assert not gone.called
    client.leave()
    assert gone.called


def test_shutdown_without_clients_is_at_once(serve):
    assert serve().factory.shut_down().called
