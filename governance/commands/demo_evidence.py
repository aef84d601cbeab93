"""The demo's outsider: unpacks an evidence file, and runs its `verify.sh` as somebody would who has nothing of ours."""

from __future__ import annotations

import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path

__all__ = ["WITHOUT_TOOLS", "outsider"]

WITHOUT_TOOLS = 3  # what `verify.sh` ends with where openssl or another tool is missing
_SECONDS = 120


def outsider(file: Path, folder: Path, fingerprints: Sequence[str]) -> tuple[int, str]:
    """Exit code and words of `verify.sh`, told which keys are expected."""
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder)
    words = ["sh", str(folder / "verify.sh"), "--expect", ",".join(fingerprints)]
    ran = subprocess.run(words, capture_output=True, check=False, timeout=_SECONDS)  # noqa: S603 our own script
    return ran.returncode, (ran.stdout or ran.stderr).decode(errors="replace")
