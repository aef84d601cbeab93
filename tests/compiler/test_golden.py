"""Good documents and their texts, bad documents and their faults, byte for byte. Reset: `python scripts/golden.py`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "golden.py"
_SPEC = importlib.util.spec_from_file_location("golden", _SCRIPT)
assert _SPEC is not None
assert _SPEC.loader is not None
golden = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(golden)


@pytest.mark.parametrize("document", golden.GOOD, ids=lambda path: path.name)
def test_good(document: Path) -> None:
    """What is signed, and what is warned of before."""
    expected = document.with_name(document.name.replace(".mou.yaml", ".txt")).read_text()
    assert expected == golden.expected_text(document)


@pytest.mark.parametrize("document", golden.BAD, ids=lambda path: path.name)
def test_bad(document: Path) -> None:
    """Every fault, at its place."""
    expected = document.with_name(document.name.replace(".mou.yaml", ".faults")).read_text()
    assert expected == golden.expected_faults(document)
    assert ": error:" in expected
