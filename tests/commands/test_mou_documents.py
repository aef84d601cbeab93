"""`accordant mou new`, `check`, `text`, as a person or a program calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from governance.cli import cli, main
from governance.compiler.to_text import to_text
from tests.compiler.documents import SMALL, changed, small


def run(*words: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(cli, ["mou", *words], input=stdin, catch_exceptions=True)


def ended(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """The exit code and both outputs of the console script."""
    with pytest.raises(SystemExit) as caught:
        main(["mou", *words])
    out, err = capsys.readouterr()
    return int(str(caught.value.code)), out, err


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "small.mou.yaml"
    path.write_text(SMALL)
    return path


def test_check_says_that_it_stands(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0, words on standard error."""
    code, out, err = ended(capsys, "check", str(document))
    assert (0, "") == (code, out)
    assert f"{document}: stands: `reading` version 2, 3 parties, 3 clauses, from 2026-03-01 to 2027-02-28\n" == err


def test_check_says_everything_of_every_file(
    document: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2 when one of them falls; a file that is not there is one fault."""
    bad = tmp_path / "bad.yaml"
    bad.write_bytes(changed(("rows: own", "row: own"), ("purpose: [ads]", "purpose: [adds]")))
    code, _, err = ended(capsys, "check", str(bad), str(document), str(tmp_path / "none"))
    assert 2 == code
    assert "did you mean `rows`?" in err
    assert f"{bad}: does not stand (3 errors)" in err
    assert f"{document}: stands" in err
    assert "none: error: no such file or directory" in err


def test_check_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line a file, for programs."""
    bad = tmp_path / "bad.yaml"
    bad.write_bytes(changed(("rows: own", "row: own")))
    code, out, err = ended(capsys, "check", "--json", str(bad))
    assert (2, "") == (code, err)
    found = json.loads(out)
    assert (False, str(bad)) == (found["ok"], found["file"])
    assert {"unknown-key", "missing-key"} == {fault["code"] for fault in found["faults"]}
    assert {"1"} == {fault["clause"] for fault in found["faults"]}


def test_check_takes_warnings_for_errors_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--strict`."""
    doubtful = tmp_path / "doubtful.yaml"
    doubtful.write_bytes(changed(("title: house", "title: no")))
    assert 0 == ended(capsys, "check", str(doubtful))[0]
    assert 2 == ended(capsys, "check", "--strict", str(doubtful))[0]


def test_text_is_what_is_signed(document: Path, tmp_path: Path) -> None:
    """On standard output, in a file, as a page, in JSON, from standard input."""
    expected = to_text(small())
    assert expected == run("text", str(document)).stdout
    assert expected == run("text", "-", stdin=SMALL).stdout
    assert expected == json.loads(run("text", str(document), "--json").stdout)["text"]
    page = tmp_path / "page.html"
    assert 0 == run("text", str(document), "--html", "-o", str(page)).exit_code
    assert page.read_text().startswith("<!doctype html>")


def test_text_of_a_bad_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, every fault, and nothing on standard output."""
    bad = tmp_path / "bad.yaml"
    bad.write_bytes(b"\xff\xfe")
    code, out, err = ended(capsys, "text", str(bad))
    assert (2, "") == (code, out)
    assert "the file is not UTF-8 text" in err


def test_new_writes_a_document_that_stands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From flags and a file of values; flags win."""
    values, out = tmp_path / "values.yaml", tmp_path / "new.yaml"
    values.write_text("id: from-file\nminimum_cell: 20\nconvener: {id: hub, name: The hub}\n")
    words = ("new", "benchmarking", "-o", str(out), "--values", str(values), "--set", "id=from-flag")
    code, _, err = ended(capsys, *words)
    assert 0 == code
    assert f"wrote {out}: `from-flag` version 1, 9 parties, 11 clauses" in err
    assert "minimum_cell: 20" in out.read_text()
    assert 0 == ended(capsys, "check", "--strict", str(out))[0]


def test_new_replaces_nothing_unless_told(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--force`."""
    code, _, err = ended(capsys, "new", "benchmarking", "-o", str(document))
    assert 2 == code
    assert "--force" in err
    assert SMALL == document.read_text()
    assert 0 == ended(capsys, "new", "benchmarking", "-o", str(document), "--force")[0]


def test_new_with_wrong_values_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every wrong value is told; values that fit but do not fit together too."""
    out = tmp_path / "new.yaml"
    code, _, err = ended(capsys, "new", "benchmarking", "-o", str(out), "--set", "minimum_cell=3", "--set", "ids=x")
    assert 2 == code
    assert "3 is less than 5" in err
    assert "no parameter `ids`" in err
    assert 2 == ended(capsys, "new", "benchmarking", "-o", str(out), "--set", "research_partners=nobody")[0]
    assert 2 == ended(capsys, "new", "benchmarking", "-o", str(out), "--set", "expires=2020-01-01")[0]
    assert 2 == ended(capsys, "new", "benchmarking", "-o", str(out), "--set", "nonsense")[0]
    assert 2 == ended(capsys, "new", "benchmark", "-o", str(out))[0]
    assert not list(tmp_path.iterdir())


def test_new_asks(tmp_path: Path) -> None:
    """With the help and the default; a wrong answer is explained and asked again."""
    out = tmp_path / "new.yaml"
    result = run("new", "benchmarking", "-o", str(out), "--ask", stdin="Wrong Id\nour-id\n" + "\n" * 40)
    assert 0 == result.exit_code, result.output
    assert "`Wrong Id` is not an id" in result.stderr
    assert "id: our-id\n" in out.read_text()


def test_new_lists_its_parameters() -> None:
    """And writes nothing."""
    result = run("new", "benchmarking", "--parameters")
    assert 0 == result.exit_code
    assert "minimum_cell  (number)" in result.stdout


@pytest.mark.parametrize("command", ["new", "check", "text"])
def test_help_shows_an_example(command: str) -> None:
    """Each command has one."""
    assert "Example:\n      accordant mou" in run(command, "--help").stdout.replace("    accordant", "      accordant")
