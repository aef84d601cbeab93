"""Disks of a test's own: one that is small, and one that breaks. They are gone when the block ends, however it ends.

A mount needs a right that a container may lack. That is a missing part like any other: the tests are skipped on a
laptop, and the run says so in red; where `CI=true` they fail.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import missing

__all__ = ["Breaking", "breaking_disk", "filled", "read_only", "small_disk"]

SIZE = 100 * 2**20  # above `free_bytes`, so that a home on it is well before it is filled
_CAP_SYS_ADMIN = 21


def _may_mount() -> bool:
    status = Path("/proc/self/status")
    found = re.search(r"^CapEff:\s*([0-9a-f]+)", status.read_text(), re.M) if status.exists() else None
    return found is not None and bool(int(found[1], 16) >> _CAP_SYS_ADMIN & 1)


def _run(*words: str) -> None:
    try:
        done = subprocess.run(words, capture_output=True, text=True)
    except FileNotFoundError:
        missing(f"`{words[0]}`, for a disk of its own")
    if done.returncode:
        missing(f"a disk of its own (`{' '.join(words)}`: {done.stderr.strip()})")


def _require_mounts(*devices: str) -> None:
    if not _may_mount():
        missing("the right to mount a disk (CAP_SYS_ADMIN)")
    for device in devices:
        if not Path(device).exists():
            missing(f"`{device}`, for a disk in a file")


def _mount(folder: Path, *words: str) -> None:
    folder.mkdir()
    _run("mount", *words, str(folder))


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system in memory, mounted at `folder`."""
    _require_mounts()
    _mount(folder, "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[None]:
    """No byte is left on the disk of a folder until the block ends."""
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            for size in (65536, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))
        yield
    finally:
        filler.unlink()


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A mounted disk that may only be read until the block ends. Nobody has a file open there for writing."""
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)


class Breaking:
    """A disk with ext4, in a file beside the folder where it is mounted."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._image = folder, folder.with_suffix(".img")

    def make(self) -> None:
        """Made and mounted."""
        with self._image.open("wb") as file:
            file.truncate(2 * SIZE)
        _run("mkfs.ext4", "-q", "-O", "^has_journal", str(self._image))
        _mount(self.folder, "-o", "loop,errors=remount-ro", str(self._image))

    def settle(self) -> None:
        """What was written by programs that did not ask for it lies on the disk from now on."""
        subprocess.run(["sync", "--file-system", str(self.folder)], check=True)

    def fail(self) -> None:
        """An error of the disk: ext4 lets nobody write to it from now on, open files or not, until it was unmounted."""
        device = next(
            Path(line.split()[0]).name
            for line in Path("/proc/mounts").read_text().splitlines()
            if line.split()[1] == str(self.folder)
        )
        try:
            Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("1")
        except OSError as error:
            missing(f"the right to let a disk fail (`/sys/fs/ext4`: {error.strerror})")

    def mend(self) -> None:
        """As somebody does who looks after the disk: nobody uses it any more, it is checked, and mounted again."""
        subprocess.run(["umount", str(self.folder)], check=True)
        subprocess.run(["fsck.ext4", "-fy", str(self._image)], capture_output=True)
        subprocess.run(["mount", "-o", "loop,errors=remount-ro", str(self._image), str(self.folder)], check=True)

    def remove(self) -> None:
        """Nothing is left of it."""
        if self.folder.is_mount():
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)
        self._image.unlink(missing_ok=True)


@contextlib.contextmanager
def breaking_disk(folder: Path) -> Iterator[Breaking]:
    """Mounted at `folder`, and gone in the end."""
    _require_mounts("/dev/loop-control")
    disk = Breaking(folder)
    try:
        disk.make()
        yield disk
    finally:
        disk.remove()
