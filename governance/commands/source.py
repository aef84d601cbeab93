"""`accordant source`: join a party's table or file to the MOU's dataset, try it, bring rows in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from connectors.client import Client
from connectors.sources import mapping as mapping_files
from connectors.sources.check import check as check_mapping
from connectors.sources.mapping import Mapping, Place
from connectors.sources.sql import SqlSource
from connectors.sources.tabular import TabularSource
from governance.commands.connection import connect, connection_options
from governance.compiler.from_yaml import read
from governance.errors import DocumentWrong, InputWrong, NotFound
from governance.model.mou import Dataset

__all__ = ["source"]

_TYPES = {".csv": "text/csv", ".parquet": "application/vnd.apache.parquet"}


@click.group()
def source() -> None:
    """Join a party's tables or files to the MOU's dataset.

    \b
    Example:
      accordant source map rows.csv --party northside --mou benchmarking --dataset enrollments -o northside.map.yaml
      accordant source check northside.map.yaml
      accordant source load northside.map.yaml
    """


def _dataset(client: Any, mou: str, name: str) -> Dataset:
    document = read(client.read(f"/v1/mous/{mou}/document"), file=mou).mou
    if name not in document.datasets:
        known = ", ".join(document.datasets)
        raise InputWrong(f"`{name}` is no dataset of `{mou}` (it has {known})", field="--dataset")
    return document.datasets[name]


def _opened(mapping: Mapping, folder: Path, url: str | None) -> TabularSource | SqlSource:
    if mapping.source.files is None:
        return SqlSource(mapping=mapping, url=url)
    files = [folder / name for name in mapping.source.files]
    for file in files:
        if not file.is_file():
            raise NotFound(f"no file `{file}`", reason="source-file-missing", field="source.files")
    return TabularSource(mapping=mapping, files=files)


@source.command("map")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--url", default=None, help="A database instead of a file, with --table.")
@click.option("--table", default=None, help="Its table or view.")
@click.option("--party", required=True, help="Whose rows they are.")
@click.option("--mou", required=True)
@click.option("--dataset", required=True)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), default=None)
@connection_options
def map_(
    file: Path | None, url: str | None, table: str | None, party: str, mou: str, dataset: str, output: Path | None,
    **connection: Any,
) -> None:  # fmt: skip
    """Propose a mapping: which column is which field of the dataset.

    \b
    Example:
      accordant source map rows.csv --party northside --mou benchmarking --dataset enrollments -o northside.map.yaml
    """
    if (file is None) == (url is None) or (url is None) != (table is None):
        raise InputWrong("give a FILE, or --url together with --table", field="FILE")
    wanted = _dataset(connect(**connection), mou, dataset)
    place = Place(files=(file.name,)) if file else Place(table=table)
    # Any column will do to open the source and ask for its columns.
    probe = Mapping(party=party, mou=mou, dataset=dataset, source=place, columns={wanted.subject: wanted.subject})
    columns = list(_opened(probe, file.parent if file else Path(), url).columns())
    proposed = mapping_files.propose(columns, wanted)
    found = {name: column for name, column in proposed.items() if column is not None}
    missing = [name for name, column in proposed.items() if column is None and name != wanted.contributor]
    made = probe.model_copy(update={"columns": found or {wanted.subject: "?"}})
    titles = {name: wanted.fields[name].title for name in found if name in wanted.fields}
    text = mapping_files.to_yaml(made, comments=titles)
    text += "".join(
        f"# {name}: which column? ({wanted.fields[name].title})\n" for name in missing if name in wanted.fields
    )
    unused = [column for column in columns if column not in found.values()]
    if unused and wanted.contributor not in found:
        text += (
            f"# {wanted.contributor}: {unused[0]}   # the column that says whose row it is, if one does, and it holds\n"
            f"#   `{party}`: then a row that names another organisation stops the load\n"
        )
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
        click.echo(f"{output}: {len(found)} fields mapped, {len(missing)} without a column", err=True)
    if unused:
        click.echo(f"  not used: {', '.join(unused)}", err=True)
    for name in missing:
        click.echo(f"  no column looks like `{name}`; columns are {', '.join(columns)}", err=True)


def _read(file: Path) -> Mapping:
    return mapping_files.read(file.read_bytes(), file=str(file))


@source.command()
@click.argument("mapping", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--url", default=None, envvar="ACCORDANT_SOURCE_URL", help="A live table's database.")
@click.option("--json", "as_json", is_flag=True)
@connection_options
def check(mapping: Path, url: str | None, as_json: bool, **connection: Any) -> None:
    """Try a mapping: which columns fit, and what is in them that the dataset does not know.

    \b
    Example:
      accordant source check northside.map.yaml
    """
    found = _read(mapping)
    dataset = _dataset(connect(**connection), found.mou, found.dataset)
    faults = check_mapping(found, dataset, _opened(found, mapping.parent, url), file=str(mapping))
    errors = [f for f in faults if f.level == "error"]
    if as_json:
        told = [{"level": f.level, "message": f.message, "expected": f.expected} for f in faults]
        click.echo(json.dumps({"fits": not errors, "faults": told}))
    if errors:
        raise DocumentWrong(faults)
    for fault in faults:
        click.echo(str(fault), err=True)
    click.echo(f"{mapping}: {len(found.columns)} columns fit `{found.dataset}`", err=True)


def _brought(client: Client, dataset: str, file: Path) -> Any:
    media_type = _TYPES[file.suffix.lower()]
    try:
        return client.post_bytes(f"/v1/sources/{dataset}/rows", file.read_bytes(), content_type=media_type)
    except DocumentWrong as error:
        # The server does not know what the file is called here.
        raise DocumentWrong([replace(f, file=str(file)) for f in error.faults]) from None


@source.command()
@click.argument("mapping", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--url", default=None, envvar="ACCORDANT_SOURCE_URL", help="A live table's database, as the server sees it."
)
@click.option("--json", "as_json", is_flag=True)
@connection_options
def load(mapping: Path, url: str | None, as_json: bool, **connection: Any) -> None:
    """Register a mapping and bring its files' rows in; or register a live table, which is read as it is then.

    \b
    Example:
      accordant source load northside.map.yaml
    """
    found = _read(mapping)
    client = connect(**connection)
    files = [mapping.parent / name for name in found.source.files or ()]
    if len(files) > 1:
        raise InputWrong("one file is loaded at a time", reason="several-files", field="source.files")
    for file in files:
        if file.suffix.lower() not in _TYPES:
            raise InputWrong(f"`{file.name}` is neither .csv nor .parquet", reason="media-type", field="source.files")
        if not file.is_file():
            raise NotFound(f"no file `{file}`", reason="source-file-missing", field="source.files")
    made = client.post("/v1/sources", {"mapping": mapping.read_text(encoding="utf-8"), "url": url})
    for file in files:
        made = _brought(client, found.dataset, file)
    if as_json:
        click.echo(json.dumps(made))
        return
    for warning in made.get("warnings", []):
        click.echo(f"warning: {warning}", err=True)
    rows = "a live table" if made["live"] else f"{made['rows']} rows"
    click.echo(f"{found.party}: {rows} of {found.dataset}, entry {made['entry']} of the log", err=True)
