"""What `audit` offers, and what it may not know."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import audit

MODULES = sorted(module.name for module in pkgutil.iter_modules(audit.__path__, "audit."))


@pytest.mark.parametrize("name", ["audit", *MODULES])
def test_what_is_exported_is_there(name: str) -> None:
    """`__all__` names what the module has, once."""
    module = importlib.import_module(name)
    assert len(set(module.__all__)) == len(module.__all__)
    assert [] == [exported for exported in module.__all__ if not hasattr(module, exported)]


def test_an_auditor_can_take_it_alone() -> None:
    """Importing it brings nothing else of ours, nor Flask, nor pydantic."""
    script = "import audit, sys; print(sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    for name in ("governance", "connectors", "flask", "pydantic", "requests", "opa_client"):
        assert f"'{name}'" not in loaded


def test_nothing_is_offered_that_changes_an_entry() -> None:
    """There is no such function; the database refuses it too (test_verify)."""
    offered = {name for name in dir(audit.Log) if not name.startswith("_")}
    assert {
        "append",
        "append_soon",
        "close",
        "create",
        "details",
        "engine",
        "entries",
        "entry",
        "head",
        "last_of",
        "open",
        "refresh",
        "search",
        "submit",
    } >= (offered - {"sealing", "verifier"})


def test_every_error_is_a_log_error() -> None:
    """One root."""
    errors = importlib.import_module("audit.errors")
    kinds = [getattr(errors, name) for name in errors.__all__]
    classes = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(classes) >= 9
    assert all(issubclass(kind, audit.LogError) for kind in classes)
