"""Files of others that lie in the repository, by npm, pinned by version and integrity (`python -m scripts.vendor`).

The console itself brings no file of others. Its tests bring axe-core (Mozilla Public License 2.0), as published, with
its licence beside it; it is in no wheel.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["VENDORED", "Vendored", "main"]

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Vendored:
    """A package, and which of its files lie where."""

    package: str
    version: str
    sha512: str
    files: tuple[tuple[str, str], ...]
    folder: str


VENDORED = (
    Vendored(
        package="axe-core",
        version="4.10.3",
        sha512="Xm7bpRXnDSX2YE2YFfBk2FnF0ep6tmG7xPh8iHee8MIcrgq762Nkce856dYtJYLkuIoYZvGfTs/PbZhideTcEg==",
        files=(("package/axe.min.js", "axe.min.js"), ("package/LICENSE", "LICENSE-axe-core")),
        folder="tests/web/console/vendor",
    ),
)


def main() -> None:
    """Fetches each anew, and writes it only where its bytes are those that were pinned."""
    for part in VENDORED:
        with tempfile.TemporaryDirectory() as folder:
            words = ["npm", "pack", "--silent", f"{part.package}@{part.version}"]
            subprocess.run(words, cwd=folder, check=True, stdout=subprocess.DEVNULL)
            archive = next(Path(folder).glob("*.tgz"))
            digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
            if digest != part.sha512:
                raise SystemExit(f"{part.package} {part.version} has other bytes than those that are pinned: {digest}")
            target = ROOT / part.folder
            target.mkdir(parents=True, exist_ok=True)
            with tarfile.open(archive) as packed:
                for inside, name in part.files:
                    file = packed.extractfile(inside)
                    if file is None:
                        raise SystemExit(f"{part.package} {part.version} holds no {inside}")
                    (target / name).write_bytes(file.read())
        print(f"{part.package} {part.version} → {part.folder}")


if __name__ == "__main__":
    main()
