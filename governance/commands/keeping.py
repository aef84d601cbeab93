"""`accordant backup`, `restore` and `upgrade`: keeping a home alive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from governance.commands.audit_export import bar
from governance.errors import Conflict, InputWrong
from governance.settings import from_home

if TYPE_CHECKING:
    from governance.archive import Manifest

__all__ = ["backup", "restore", "upgrade"]

_HOME = click.option("--home", type=click.Path(path_type=Path), default=None, help="The home; else ACCORDANT_HOME.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def _size(count: int) -> str:
    return next((f"{count / unit:.1f} {name}" for unit, name in _UNITS if count >= unit), f"{count} bytes")


def _told(manifest: Manifest) -> dict[str, Any]:
    checkpoint = manifest.checkpoint
    return {
        "made": manifest.made,
        "schema": manifest.schema,
        "origin": checkpoint.origin,
        "entries": checkpoint.size,
        "root": checkpoint.root.hex(),
        "vkey": manifest.vkey,
        "members": len(manifest.members),
        "left_out": list(manifest.left_out),
    }


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_HOME
@click.option("--force", is_flag=True, help="Take the place of a file that is there.")
@click.option(
    "--keys-to",
    type=click.Path(path_type=Path, file_okay=False),
    help="Copy keys/ as well, key store and all, into this new folder: carry it elsewhere.",
)
@click.option("--check", "checking", is_flag=True, help="Verify the backup FILE instead; needs no home.")
@click.option(
    "--vkey", "vkey_file", type=click.Path(path_type=Path), help="With --check: the log's key as you know it."
)
@_JSON
def backup(
    file: Path,
    home: Path | None,
    force: bool,
    keys_to: Path | None,
    checking: bool,
    vkey_file: Path | None,
    as_json: bool,
) -> None:
    """Copy a home, served or not, into one file: all that it needs but its secret keys.

    \b
    Example:
      accordant backup /var/backups/accordant.tar --home /srv/accordant
      accordant backup --check /var/backups/accordant.tar
    """
    if checking:
        return _check(file, vkey_file, as_json)
    if vkey_file is not None:
        raise InputWrong("goes with --check", field="--vkey")
    from governance.backup import back_up, copy_keys

    settings = from_home(home)
    if keys_to is not None and keys_to.exists():
        raise Conflict(f"`{keys_to}` is there already", reason="backup-exists")
    with bar("backing up", quiet=as_json) as tell:
        made = back_up(settings, file.absolute(), force=force, progress=tell)
    if keys_to is not None:
        copy_keys(settings, keys_to.absolute())  # after the database: every key that it needs is there
    if as_json:
        told = _told(made.manifest) | {"file": str(made.path), "bytes": made.bytes, "keys": str(made.keys)}
        click.echo(json.dumps(told))
        return None
    checkpoint = made.manifest.checkpoint
    click.echo(
        f"{made.path}: {checkpoint.size} entries of {checkpoint.origin}, {_size(made.bytes)}; "
        f"without the secret keys, which lie in {made.keys} and are kept apart"
        + (f"; copied to {keys_to}: carry them elsewhere" if keys_to is not None else ""),
        err=True,
    )
    if made.manifest.left_out:
        names = ", ".join(made.manifest.left_out)
        click.echo(f"tables of the database that are not Accordant's were left out: {names}", err=True)
    return None


def _check(file: Path, vkey_file: Path | None, as_json: bool) -> None:
    from governance.archive import read_archive
    from governance.commands.audit_export import vkey_of

    vkey = vkey_of(str(vkey_file)) if vkey_file else None
    with bar("checking", quiet=as_json) as tell:
        manifest = read_archive(file, vkey=vkey, progress=tell)
    if as_json:
        click.echo(json.dumps({"whole": True} | _told(manifest)))
        return
    checkpoint = manifest.checkpoint
    click.echo(
        f"whole: {len(manifest.members)} files of {manifest.made}, {checkpoint.size} entries of {checkpoint.origin}"
    )
    if vkey is None:
        click.echo(f"signed by {manifest.vkey}; ask another way whether it is the log's key (--vkey)", err=True)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--keys", type=click.Path(path_type=Path), required=True, help="A copy of the home's folder keys/.")
@click.option(
    "--remembered",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="What `audit remember` wrote, or one checkpoint: does anybody know of later entries? Can be repeated.",
)
@click.option(
    "--newest",
    is_flag=True,
    help="Nothing was recorded after the backup: go on under the same name. Needs a --remembered checkpoint of it.",
)
@click.option(
    "--forgotten",
    is_flag=True,
    help="Keys that are missing were destroyed after the backup, to forget somebody: forget it again.",
)
@click.option("--log-origin", "origin", default=None, help="The new name of the log, where it needs one.")
@click.option("--database-url", default=None, help="An empty database; SQLite in DIR by default.")
@_JSON
def restore(
    file: Path,
    folder: Path,
    keys: Path,
    remembered: tuple[Path, ...],
    newest: bool,
    forgotten: bool,
    origin: str | None,
    database_url: str | None,
    as_json: bool,
) -> None:
    """Make a home from a backup and a copy of its keys; nothing is overwritten.

    Unless the backup is the newest state, and a remembered checkpoint says so, its log goes on under a new name.

    \b
    Example:
      accordant restore accordant.tar /srv/accordant --keys /media/elsewhere/keys --remembered checkpoints
    """
    from governance.restore import restore as make

    with bar("restoring", quiet=as_json) as tell:
        done = make(
            file,
            folder.absolute(),
            keys=keys.absolute(),
            remembered=remembered,
            newest=newest,
            forgotten=forgotten,
            origin=origin,
            database_url=database_url,
            progress=tell,
        )
    settings, entries = done.settings, done.manifest.checkpoint.size
    if as_json:
        said = {"home": str(settings.home), "entries": entries, "origin": settings.log_origin, "vkey": done.vkey}
        gone = [str(path) for path in done.removed]
        click.echo(json.dumps(said | {"continued": done.continued, "lost": done.lost, "removed": gone}))
        return
    for path in done.removed:
        click.echo(f"taken away: `{path}`, which a restore that was broken off had left", err=True)
    click.echo(f"a home at {settings.home}, of the {entries} entries of {done.manifest.checkpoint.origin}", err=True)
    if done.continued is None:
        click.echo("the newest that anybody remembers is in it: the log goes on as it was", err=True)
    else:
        lost = "nobody knows how many" if done.lost is None else f"at least {done.lost}"
        click.echo(f"  entries that came after the backup, and are lost: {lost}", err=True)
        click.echo(f"  the log goes on as {settings.log_origin}; entry {done.continued} says so", err=True)
        click.echo(f"  its new key: {done.vkey}", err=True)
        click.echo(
            "\nNo data is released until an administrator has asked the parties what they revoked, withdrew", err=True
        )
        click.echo("or recorded since, and confirms it: accordant audit resume. Back up keys/ again.", err=True)
    click.echo(f"\n  accordant serve --home {settings.home}", err=True)


@click.command()
@_HOME
@click.option(
    "--backup",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the backup goes that is made first; else into the home.",
)
@click.option("--no-backup", is_flag=True, help="Make none: you have one.")
@_JSON
def upgrade(home: Path | None, target: Path | None, no_backup: bool, as_json: bool) -> None:
    """Bring a home that nobody serves up to date with this program; twice does no harm.

    \b
    Example:
      accordant upgrade --home /srv/accordant
    """
    from governance.home import SystemClock
    from governance.upgrade import upgrade as bring

    if no_backup and target is not None:
        raise InputWrong("a backup or none, not both", field="--no-backup")
    settings = from_home(home)
    name = f"before-upgrade-{SystemClock().now():%Y%m%dT%H%M%SZ}.tar"
    path = None if no_backup else (target or settings.home / name).absolute()
    with bar("upgrading", quiet=as_json) as tell:
        done = bring(settings, backup=path, progress=tell)
    if as_json:
        said = {"from": done.before, "to": done.after, "backup": str(done.backup) if done.backup else None}
        click.echo(json.dumps(said))
    elif done.before == done.after:
        click.echo(f"the home is of version {done.after} already; nothing was changed", err=True)
    else:
        kept = f"; the backup of before is {done.backup}" if done.backup else ""
        click.echo(f"brought from version {done.before} to {done.after}{kept}", err=True)
