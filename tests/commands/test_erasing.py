"""`accordant audit erase`, `hold`, `retention`, `rewrap` and `accordant subject` from the shell: words, exit codes."""

from __future__ import annotations

import json

from tests.commands.test_audit_export import Shell, shell

__all__ = ["shell"]  # the fixture

ERASE = ("audit", "erase", "--subject", "client-9", "--basis", "the client asked")


def test_an_erasure_says_what_went(shell: Shell) -> None:
    """The administrator's own search is all that names the client; then nobody knows it: the answer is no."""
    shell.run("audit", "search", "--subject", "client-9")
    asked = shell.run(*ERASE)
    assert (2, True) == (asked.code, "say --yes" in asked.err)
    said = shell.run(*ERASE, "--yes")
    assert 0 == said.code, said.err
    assert "erased under entry" in said.err
    assert "free pages and journals are clean" in said.err
    assert "client-9" not in said.err + said.out
    again = shell.run(*ERASE, "--yes")
    assert (1, "accordant: the log knows no such client\n") == (again.code, again.err)
    verified = shell.run("audit", "verify", "--home", shell.services.settings.home)
    assert 0 == verified.code, verified.out
    assert "erased under entry" in verified.out


def test_the_same_by_another_name(shell: Shell) -> None:
    """As JSON, too."""
    shell.run("audit", "search", "--subject", "client-9")
    said = shell.run("subject", "erase", "client-9", "--basis", "the client asked", "--yes", "--json")
    assert 0 == said.code, said.err
    assert {"entry", "bodies", "kept", "cleaned", "still_in", "not_ours"} <= set(json.loads(said.out))
    wrong = shell.run("subject", "erase", "client-9", "--basis", "client-9 asked", "--yes")
    assert (2, True) == (wrong.code, "names the client" in wrong.err)


def test_an_order_says_why_and_of_whom(shell: Shell) -> None:
    """Nothing is sent without; and whoever says it names nobody, in whatever letters."""
    for words in (
        ("audit", "erase", "--subject", "client-9", "--basis", " ", "--yes"),
        ("audit", "hold", "--subject", "client-9", "--reason", ""),
        ("audit", "release-hold", "--subject", "client-9", "--reason", ""),
        ("audit", "erase", "--subject", " ", "--basis", "the client asked", "--yes"),
        ("subject", "erase", "", "--basis", "the client asked", "--yes"),
    ):
        said = shell.run(*words)
        assert (2, True) == (said.code, said.err.startswith("accordant: ")), (words, said)
        assert "unforeseen" not in said.err
    shell.run("audit", "search", "--subject", "client-9")
    assert "names the client" in shell.run(*ERASE[:-1], "CLIENT-9 asked", "--yes").err


def test_what_nobody_knows_is_no(shell: Shell) -> None:
    """Exit code 1, and one line."""
    for words in (
        ("subject", "disclosures", "nobody"),
        ("audit", "hold", "--subject", "nobody", "--reason", "a case"),
        ("audit", "release-hold", "--subject", "nobody", "--reason", "closed"),
    ):
        said = shell.run(*words)
        lines = [line for line in said.err.splitlines() if line.startswith("accordant: ")]
        assert (1, "", 1) == (said.code, said.out, len(lines)), words


def test_retention_and_rewrapping(shell: Shell) -> None:
    """Nothing is due; a key that is not the old one is wrong input."""
    said = shell.run("audit", "retention")
    assert (0, True) == (said.code, said.err.endswith("nothing is due\n"))
    home = shell.services.settings.home
    assert 2 == shell.run("audit", "rewrap", "--from", "file:keys/wrapping.key", "--home", home).code
    assert 2 == shell.run("audit", "rewrap", "--from", "file:keys/none", "--home", home).code
    (home / "keys" / "old.key").write_bytes((home / "keys" / "wrapping.key").read_bytes())
    (home / "keys" / "wrapping.key").write_bytes(b"n" * 32)
    done = shell.run("audit", "rewrap", "--from", "file:keys/old.key", "--home", home, "--json")
    assert 0 == done.code, done.err
    assert 0 < json.loads(done.out)["rewrapped"]
