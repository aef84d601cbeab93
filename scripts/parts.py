"""The real parts that the tests need and pip can't bring: OPA, PostgreSQL, Chromium, and stock checkers of logs.

Found where they are; installed where that is possible (`python3 scripts/parts.py`, which `make parts` runs);
otherwise said loudly, with what to do. Only the standard library, so that it runs before the virtual environment
stands. OPA is pinned to one version: on the PATH if it is that one, else in a cache outside of the checkout, else
built by `go install`, which checks the module's source against Go's checksum database. So are Tessera's `fsck` and
torchwood's `litewitness`, each at one version. PostgreSQL and Chromium are the system's packages.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

__all__ = [
    "BENCH_TOOLS",
    "CHROMIUM_OPTIONS",
    "OPA_VERSION",
    "GO_TOOLS",
    "find_chromium",
    "find_go_tool",
    "find_opa",
    "find_postgresql",
    "install_chromium",
    "install_go_tool",
    "install_opa",
    "install_postgresql",
    "opa_in_cache",
    "opa_version",
]

OPA_VERSION = "1.22.2"
# Without a screen, a sandbox that root may not have, and anything that it would do of its own accord.
CHROMIUM_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
OPA_MODULE = f"github.com/open-policy-agent/opa@v{OPA_VERSION}"
# Programs that are not ours and check a log or vouch for it: package and version, by name.
GO_TOOLS = {
    "fsck": ("github.com/transparency-dev/tessera/cmd/fsck", "v1.0.4"),
    "litewitness": ("filippo.io/torchwood/cmd/litewitness", "v0.9.0"),
}
# What only `make bench` asks for.
BENCH_TOOLS = {"posix": ("github.com/transparency-dev/tessera/cmd/conformance/posix", "v1.0.4")}
_TOOLS = GO_TOOLS | BENCH_TOOLS


def _cache() -> Path:
    """What is built here outlives the checkout and the virtual environment."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "accordant"


def opa_in_cache() -> Path:
    """Where the built binary is kept."""
    return _cache() / f"opa-{OPA_VERSION}" / "opa"


def find_go_tool(name: str) -> Path | None:
    """A stock tool of the pinned version, in the cache alone: a binary does not say its version."""
    built = _cache() / f"{name}-{_TOOLS[name][1]}" / name
    return built if os.access(built, os.X_OK) else None


def install_go_tool(name: str) -> Path:
    """Build a stock tool (a minute, once); raises RuntimeError with what to do instead."""
    package, version = _TOOLS[name]
    return _built(f"{package}@{version}", _cache() / f"{name}-{version}" / name)


def _built(module: str, target: Path) -> Path:
    """`go install` into the cache, whole or not at all, should two builds run at once."""
    go = shutil.which("go")
    if go is None:
        raise RuntimeError(f"no Go toolchain: install Go 1.24 or later for `{module}`")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        done = subprocess.run([go, "install", module], env=os.environ | {"GOBIN": folder}, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"`go install {module}` failed")
        (Path(folder) / target.name).replace(target)
    return target


def opa_version(binary: Path) -> str | None:
    """What `opa version` says of itself; None where the file is no OPA that runs here."""
    try:
        said = subprocess.run([binary, "version"], capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"^Version:\s*(\S+)", said, re.MULTILINE)
    return found.group(1) if found else None


def find_opa() -> Path | None:
    """The pinned OPA: on the PATH, else in the cache. Another version counts as none."""
    candidates = [Path(shutil.which("opa") or "/nonexistent"), opa_in_cache()]
    return next((candidate for candidate in candidates if opa_version(candidate) == OPA_VERSION), None)


def find_postgresql() -> Path | None:
    """The folder of `initdb` and `postgres`: the newest of Debian's, else what `pg_config` or the PATH names."""
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    folders = sorted(debian, key=lambda folder: int(re.sub(r"\D", "", folder.parent.name) or 0), reverse=True)
    if pg_config := shutil.which("pg_config"):
        said = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False).stdout.strip()
        folders.append(Path(said or "/nonexistent"))
    if initdb := shutil.which("initdb"):
        folders.append(Path(initdb).parent)
    return next((f for f in folders if (f / "initdb").exists() and (f / "postgres").exists()), None)


def find_chromium() -> Path | None:
    """Chromium, or a browser that is one, on the PATH."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((Path(found) for name in names if (found := shutil.which(name))), None)


def install_opa() -> Path:
    """Build the pinned OPA (two or three minutes, once); raises RuntimeError with what to do instead."""
    try:
        target = _built(OPA_MODULE, opa_in_cache())
    except RuntimeError as error:
        raise RuntimeError(f"{error}, or put opa {OPA_VERSION} on the PATH") from None
    if opa_version(target) != OPA_VERSION:
        raise RuntimeError(f"`go install {OPA_MODULE}` built another version: put opa {OPA_VERSION} on the PATH")
    return target


def _install_package(name: str, *, instead: str) -> None:
    """Debian's package, where this is Debian and we are root; raises RuntimeError with what to do instead."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        raise RuntimeError(f"install {instead} (Debian: `apt-get install {name}`)")
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", name]):
        if subprocess.run([apt, *words], env=quiet, stdin=subprocess.DEVNULL, check=False).returncode != 0:
            raise RuntimeError(f"`apt-get {' '.join(words)}` failed: install {instead} by hand")


def install_postgresql() -> Path:
    """The package; raises RuntimeError with what to do instead."""
    _install_package("postgresql", instead="PostgreSQL 13 or later")
    found = find_postgresql()
    if found is None:
        raise RuntimeError("the package `postgresql` brought no `initdb`")
    return found


def install_chromium() -> Path:
    """The package; raises RuntimeError with what to do instead."""
    _install_package("chromium", instead="Chromium")
    found = find_chromium()
    if found is None:
        raise RuntimeError("the package `chromium` brought no `chromium`")
    return found


def main(words: list[str] | None = None) -> int:
    """Bring what is missing. On a laptop a missing part is said, and its tests are skipped; under CI it is an error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ways = {"opa": (find_opa, install_opa), "postgresql": (find_postgresql, install_postgresql)}
    ways |= {"chromium": (find_chromium, install_chromium)}
    ways |= {name: (partial(find_go_tool, name), partial(install_go_tool, name)) for name in GO_TOOLS}
    parser.add_argument("part", nargs="*", choices=[*ways, []], help="all, if none is named")
    parser.add_argument("--find", action="store_true", help="print where the parts are and install nothing")
    options = parser.parse_args(words)
    missing = []
    for part in options.part or ways:
        find, install = ways[part]
        place = find()
        if place is None and not options.find:
            print(f"{part}: not here yet, installing", file=sys.stderr, flush=True)
            try:
                place = install()
            except RuntimeError as error:
                print(f"{part}: {error}", file=sys.stderr, flush=True)
        if place is None:
            missing.append(part)
            print(f"{'=' * 78}\n{part}: MISSING; what needs it is not tested\n{'=' * 78}", file=sys.stderr, flush=True)
        else:
            print(place if options.find else f"{part}: {place}")
    return 1 if missing and (options.find or os.environ.get("CI") == "true") else 0


if __name__ == "__main__":
    sys.exit(main())
