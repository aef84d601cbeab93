"""The demo's outsider: unpacks an evidence file, and runs its `verify.sh` as somebody would who has nothing of ours."""

from __future__ import annotations

import subprocess
import urllib.request
import zipfile
from collections.abc import Sequence
from pathlib import Path

__all__ = ["WITHOUT_TOOLS", "log_key", "outsider"]

WITHOUT_TOOLS = 3  # what `verify.sh` ends with where openssl or another tool is missing
_SECONDS = 120


def log_key(origin: str) -> str:
    """The log's key, as a party that is there from the beginning remembers it."""
    with urllib.request.urlopen(f"{origin}/log/vkey", timeout=_SECONDS) as answer:  # noqa: S310 our own server
        return str(answer.read().decode()).strip()


def outsider(
    file: Path, folder: Path, *, fingerprints: Sequence[str], administrator: str, vkey: str
) -> tuple[int, str]:
    """Exit code and words of `verify.sh`, told which keys are expected: the signatories', the log's, the first."""
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder)
    words = ["sh", str(folder / "verify.sh"), "--expect", ",".join([administrator, *fingerprints])]
    words += ["--log-key", vkey, "--administrator", administrator]
    ran = subprocess.run(words, capture_output=True, check=False, timeout=_SECONDS)  # noqa: S603 our own script
    return ran.returncode, (ran.stdout or ran.stderr).decode(errors="replace")
