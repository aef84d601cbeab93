"""`accordant mou new`, `check`, `text`: files in, words out; no server, no key, nothing but the document."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from governance.commands.mou_shown import left_out_words
from governance.compiler.from_template import Template, from_template, read_template
from governance.compiler.from_yaml import Reading, read
from governance.compiler.parameters import default_of, shown, value_of
from governance.compiler.positions import MAX_BYTES, parse
from governance.compiler.to_html import to_html
from governance.compiler.to_text import to_text
from governance.errors import DocumentWrong, Fault, InputWrong, NotFound
from governance.model.mou import Mou

__all__ = ["check", "new", "text"]


def _bytes_of(file: str) -> bytes:
    """A file's bytes, never more than a document may have; `-` is standard input."""
    if file == "-":
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    with Path(file).open("rb") as stream:
        return stream.read(MAX_BYTES + 1)


def _name(file: str) -> str:
    return "<standard input>" if file == "-" else file


def _folders() -> dict[str, Path]:
    """The templates that came with the installation, by name."""
    spec = find_spec("mou_templates")
    roots = [Path(place) for place in (spec.submodule_search_locations or ())] if spec is not None else []
    found = [folder for root in roots if root.is_dir() for folder in root.iterdir()]
    return {folder.name: folder for folder in sorted(found) if (folder / "template.yaml").is_file()}


def _template(name: str) -> tuple[Template, bytes]:
    folders = _folders()
    if name not in folders:
        known = ", ".join(f"`{folder}`" for folder in folders)
        raise NotFound(f"there is no template `{name}`; there is {known}", field="TEMPLATE")
    template = read_template((folders[name] / "template.yaml").read_bytes(), file=f"{name}/template.yaml")
    return template, (folders[name] / "document.yaml").read_bytes()


def _parameters(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: ARG001 - click's signature
    """`--parameters`: what the template asks for, and end."""
    if not value or ctx.resilient_parsing:
        return
    name = ctx.params.get("template") or "benchmarking"
    template, _ = _template(name)
    click.echo(f"{template.title}\n")
    for key, parameter in template.parameters.items():
        click.echo(f"{key}  ({parameter.type})\n    {parameter.title}: {parameter.help.strip()}")
        if parameter.default is not None:
            click.echo(f"    default: {shown(parameter.default)}")
        elif parameter.first is not None:
            click.echo(f"    default: the first {parameter.first.count} of {parameter.first.of}")
    ctx.exit(0)


@click.command()
@click.argument("template", is_eager=True)
@click.option("-o", "--output", type=click.Path(), required=True, metavar="FILE", help="Where the document goes.")
@click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help="One parameter; may be repeated.")
@click.option("--values", "file", type=click.Path(), metavar="FILE", help="A YAML file with parameters.")
@click.option("--ask/--no-ask", default=None, help="Ask for what is not given; by default only on a terminal.")
@click.option("--force", is_flag=True, help="Replace FILE where it is there already.")
@click.option("--parameters", is_flag=True, expose_value=False, callback=_parameters, is_eager=True,
              help="List the parameters with their defaults, and write nothing.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Say what was written as JSON.")
def new(
    template: str,
    output: str,
    given: Sequence[str],
    file: str | None,
    ask: bool | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write a document from TEMPLATE.

    On a terminal it asks for each parameter that --set and --values leave open; otherwise the template's defaults are
    taken. Lists are separated by commas, a party is written id:name.

    \b
    Example:
      accordant mou new benchmarking -o partners.mou.yaml --set id=reading-network --set "convener=hub:The hub"
    """
    found, document = _template(template)
    if not force and output != "-" and Path(output).exists():
        raise InputWrong(f"`{output}` is there already; --force replaces it", field="--output", reason="file-exists")
    values = _values(given, file)
    if ask if ask is not None else (sys.stdin.isatty() and sys.stderr.isatty() and not as_json):
        values = _asked(found, values)
    data = from_template(found, document, values)
    reading = read(data, file=_name(output))
    _write(output, data)
    for fault in reading.faults:
        click.echo(str(fault), err=True)
    if as_json and output != "-":
        click.echo(json.dumps({"file": output, **_summary(reading)}, ensure_ascii=False))
    else:
        click.echo(f"wrote {output}: {_words(reading)}\nnext: accordant mou check {output}", err=True)


def _values(given: Sequence[str], file: str | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if file is not None:
        tree = parse(_bytes_of(file), file=_name(file))
        if tree.faults:
            raise DocumentWrong(tree.faults)
        if not isinstance(tree.data, dict):
            fault = Fault("not a mapping of parameters", file=_name(file), line=1, column=1, expected="name: value")
            raise DocumentWrong([fault])
        values |= tree.data
    for item in given:
        name, equals, value = item.partition("=")
        if not equals:
            raise InputWrong(f"`{item}` has no `=`; write NAME=VALUE", field="--set")
        values[name.strip()] = value
    return values


def _asked(template: Template, values: Mapping[str, Any]) -> dict[str, Any]:
    """Asks on the terminal, with the help; a wrong answer is explained and asked again."""
    answers = dict(values)
    click.echo(f"{template.title}. Enter keeps what stands in brackets.\n", err=True)
    for name, parameter in template.parameters.items():
        if name in answers:
            continue

        def checked(answer: str, parameter: Any = parameter) -> Any:
            try:
                return value_of(parameter, answer)
            except ValueError as error:
                raise click.BadParameter(str(error)) from None

        click.echo(click.style(parameter.help.strip(), dim=True), err=True)
        proposal = default_of(parameter, answers)
        default = shown(proposal) if proposal is not None else None
        answers[name] = click.prompt(parameter.title, default=default, value_proc=checked, err=True)
    return answers


def _write(output: str, data: bytes) -> None:
    """The whole file or nothing: written beside, then moved into place."""
    if output == "-":
        sys.stdout.buffer.write(data)
        return
    beside = Path(f"{output}.part")
    try:
        beside.write_bytes(data)
        os.replace(beside, output)
    finally:
        beside.unlink(missing_ok=True)


def _summary(reading: Reading) -> dict[str, Any]:
    mou = reading.mou
    kinds: dict[str, int] = {}
    for clause in mou.clauses:
        kinds[clause.kind] = kinds.get(clause.kind, 0) + 1
    return {"mou": mou.id, "version": mou.version, "title": mou.title, "parties": len(mou.parties), "clauses": kinds}


def _words(reading: Reading) -> str:
    mou = reading.mou
    count = len(mou.clauses)
    return (
        f"`{mou.id}` version {mou.version}, {len(mou.parties)} part{'y' if len(mou.parties) == 1 else 'ies'}, "
        f"{count} clause{'' if count == 1 else 's'}, from {mou.effective} to {mou.expires}"
    )


def _fault_json(fault: Fault) -> dict[str, Any]:
    return {
        "level": fault.level,
        "code": fault.code,
        "file": fault.file,
        "line": fault.line,
        "column": fault.column,
        "clause": fault.clause,
        "path": list(fault.path),
        "message": fault.message,
        "expected": fault.expected,
    }


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--strict", is_flag=True, help="Take warnings for errors.")
@click.option("--quick", is_flag=True, help="Look at the document alone, and compile and compare nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file, a line each.")
def check(files: Sequence[str], strict: bool, quick: bool, as_json: bool) -> int:
    """Say everything that is wrong with each FILE, with line, column and clause.

    A document without faults is compiled, and the engine's answers are compared with a plain reading of its clauses
    on requests along each clause's edge: a document on which they differ could never be activated.

    Ends with 0 when every document stands (warnings or not), with 2 otherwise. `-` is standard input.

    \b
    Example:
      accordant mou check partners.mou.yaml
    """
    wrong = False
    for file in files:
        reading: Reading | None = None
        faults: tuple[Fault, ...]
        try:
            reading = read(_bytes_of(file), file=_name(file))
            faults = reading.faults if quick else (*reading.faults, *_differences(reading.mou, _name(file)))
        except DocumentWrong as error:
            faults = error.faults
        except OSError as error:
            message = (error.strerror or "cannot be read").lower()
            faults = (Fault(message, file=_name(file), code="unreadable"),)
        stands = reading is not None and not any(f.level == "error" for f in faults) and not (strict and faults)
        wrong = wrong or not stands
        if as_json:
            summary = _summary(reading) if reading is not None else {}
            found = [_fault_json(fault) for fault in faults]
            click.echo(json.dumps({"file": _name(file), "ok": stands, **summary, "faults": found}, ensure_ascii=False))
            continue
        for fault in faults:
            click.echo(_coloured(fault), err=True)
        click.echo(f"{_name(file)}: {_verdict(reading, faults, stands)}", err=True)
    return 2 if wrong else 0


def _differences(mou: Mou, file: str) -> tuple[Fault, ...]:
    # Imported here: no other command of these needs an engine.
    from governance.checking import agree_here
    from governance.compiler.bundle import compile_bundle

    difference = agree_here(compile_bundle((mou,)), (mou,)).difference
    if difference is None:
        return ()
    return (Fault(left_out_words(difference), file=file, code="readings-differ"),)


def _coloured(fault: Fault) -> str:
    colour = "red" if fault.level == "error" else "yellow"
    return str(fault).replace(f" {fault.level}:", f" {click.style(fault.level, fg=colour, bold=True)}:", 1)


def _verdict(reading: Reading | None, faults: Sequence[Fault], stands: bool) -> str:
    errors = sum(fault.level == "error" for fault in faults)
    warnings = len(faults) - errors
    counts = [f"{n} {word}{'' if n == 1 else 's'}" for n, word in ((errors, "error"), (warnings, "warning")) if n]
    told = f" ({' and '.join(counts)})" if counts else ""
    if reading is None or not stands:
        return f"{click.style('does not stand', fg='red')}{told}"
    return f"{click.style('stands', fg='green')}{told}: {_words(reading)}"


@click.command()
@click.argument("file")
@click.option("--html", "as_html", is_flag=True, help="A page instead of plain text.")
@click.option("-o", "--output", type=click.Path(), metavar="FILE", help="Write to FILE instead of standard output.")
@click.option("--json", "as_json", is_flag=True, help="The text inside a JSON object.")
def text(file: str, as_html: bool, output: str | None, as_json: bool) -> None:
    """Print what would be signed: the authors' words and, for each clause, the sentence that its keys give.

    The same document always gives the same bytes.

    \b
    Example:
      accordant mou text partners.mou.yaml | less
      accordant mou text partners.mou.yaml --html -o partners.html
    """
    mou = read(_bytes_of(file), file=_name(file)).mou
    body = to_html(mou) if as_html else to_text(mou)
    if as_json:
        found = {"mou": mou.id, "version": mou.version, "html" if as_html else "text": body}
        body = json.dumps(found, ensure_ascii=False) + "\n"
    if output is not None:
        _write(output, body.encode())
    else:
        sys.stdout.buffer.write(body.encode())
        sys.stdout.buffer.flush()
