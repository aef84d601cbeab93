"""What a home keeps beside its database is believed only as it was written, under its name, by its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.adapters.kept import Kept

VALUE = {"size": 3, "seen": [[1, "signature", "ab"]], "title": "ä"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Kept(tmp_path / "kept", secret=b"the home's").put("looked", VALUE)
    return tmp_path / "kept"


def read(folder: Path, name: str = "looked", secret: bytes = b"the home's") -> object:
    return Kept(folder, secret=secret).get(name)


def test_it_reads_back(folder: Path) -> None:
    """And lies there for its owner alone."""
    assert read(folder) == VALUE
    assert [0o600] == [path.stat().st_mode & 0o777 for path in folder.iterdir()]
    assert 0o700 == folder.stat().st_mode & 0o777


def test_what_was_changed_is_not_believed(folder: Path) -> None:
    """Any byte, the mark's or the content's; nor half a file, nor none."""
    data = (folder / "looked").read_bytes()
    for changed in (
        data.replace(b'"size":3', b'"size":4'),
        bytes([data[0] ^ 1]) + data[1:],
        data[:-1],
        data.partition(b"\n")[2],
        b"",
    ):
        (folder / "looked").write_bytes(changed)
        assert read(folder) is None


def test_neither_another_name_nor_another_key(folder: Path) -> None:
    """A file is what it was written as, and of the home that wrote it."""
    (folder / "register").write_bytes((folder / "looked").read_bytes())
    assert read(folder, "register") is None
    assert read(folder, secret=b"another's") is None
    assert read(folder, "nothing") is None


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    """Nothing here is needed."""
    (tmp_path / "file").write_bytes(b"")
    kept = Kept(tmp_path / "file", secret=b"the home's")
    kept.put("looked", VALUE)
    assert kept.get("looked") is None
