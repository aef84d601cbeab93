"""Key files: the owner's alone, and never overwritten."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from connectors.keyfile import default_file, public_file, read_key, read_public, write_key
from governance.errors import Conflict, InputWrong, NotFound
from governance.signing.keys import PrivateKey

KEY = PrivateKey.generate()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_key_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    file = tmp_path / "deep" / "key.pem"
    before = os.umask(umask)
    try:
        beside = write_key(file, KEY)
    finally:
        os.umask(before)

    assert (0o600, 0o644) == (file.stat().st_mode & 0o777, beside.stat().st_mode & 0o777)
    assert file.parent.stat().st_mode & 0o077 == 0
    assert public_file(file) == beside
    assert (KEY.fingerprint, KEY.public) == (read_key(file).fingerprint, read_public(beside))


@pytest.mark.parametrize("existing", ["key.pem", "key.pem.pub"])
def test_nothing_is_overwritten(tmp_path: Path, existing: str) -> None:
    (tmp_path / existing).write_text("words")
    with pytest.raises(Conflict, match=existing):
        write_key(tmp_path / "key.pem", KEY)

    assert [existing] == [p.name for p in tmp_path.iterdir()]
    assert (tmp_path / existing).read_text() == "words"


def test_no_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "key.pem").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Conflict):
        write_key(tmp_path / "key.pem", KEY)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o610, 0o601])
def test_a_file_that_others_may_touch_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "key.pem"
    write_key(file, KEY)
    file.chmod(mode)
    with pytest.raises(InputWrong, match=f"chmod 600 {file}") as caught:
        read_key(file)
    assert caught.value.reason == "key-file-open"

    file.chmod(0o400)
    assert KEY.fingerprint == read_key(file).fingerprint


def test_a_passphrase_is_asked_for_only_where_it_is_needed(tmp_path: Path) -> None:
    asked: list[str] = []

    def ask() -> str:
        asked.append("once")
        return "correct horse"

    write_key(tmp_path / "open.pem", KEY)
    write_key(tmp_path / "closed.pem", KEY, passphrase="correct horse")
    assert [KEY.fingerprint] * 2 == [
        read_key(tmp_path / n, passphrase=ask).fingerprint for n in ("open.pem", "closed.pem")
    ]
    assert asked == ["once"]
    for wrong, reason in ((None, "passphrase-needed"), ("x", "passphrase-wrong")):
        with pytest.raises(InputWrong, match="closed") as caught:
            read_key(tmp_path / "closed.pem", passphrase=wrong)
        assert reason == caught.value.reason


def test_what_is_not_there_or_no_key_is_told(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("words")
    (tmp_path / "words").chmod(0o600)
    with pytest.raises(NotFound, match="accordant key new"):
        read_key(tmp_path / "none")
    with pytest.raises(InputWrong, match="words"):
        read_key(tmp_path / "words")
    with pytest.raises(InputWrong, match="cannot be read"):
        read_key(tmp_path)
    with pytest.raises(NotFound):
        read_public(tmp_path / "none")
    with pytest.raises(InputWrong):
        read_public(tmp_path)


def test_the_usual_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tmp_path / ".accordant" / "key.pem" == default_file({})
    assert Path("other.pem") == default_file({"ACCORDANT_KEY": "other.pem"})
