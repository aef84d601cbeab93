"""`accordant mou compile` and `accordant mou decide`: pure; the documents are taken as signed."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import click
from pydantic import ValidationError

from governance.analysis.nearest import nearest
from governance.commands.engines import opened
from governance.compiler.bundle import Bundle, compile_bundle
from governance.compiler.bundle_signature import SIGNATURES, algorithm_of, archive, sign_bundle
from governance.compiler.from_yaml import read
from governance.compiler.to_text import clause_text
from governance.errors import DocumentWrong, EngineUnavailable, Fault, InputWrong
from governance.model.access import Decision, Facts, Request
from governance.model.mou import Mou
from governance.model.period import day_of

__all__ = ["compile", "decide"]

_ENGINES = ("embedded", "opa", "reference")
_FACT_KINDS = ("acknowledged", "approved", "withdrawn", "overdue")


def _documents(files: Sequence[Path]) -> list[Mou]:
    """All documents; all faults of all of them at once."""
    mous: list[Mou] = []
    faults: list[Fault] = []
    for file in files:
        try:
            mous.append(read(file.read_bytes(), file=str(file)).mou)
        except DocumentWrong as error:
            faults += error.faults
    if faults:
        raise DocumentWrong(faults)
    return mous


@click.command("compile")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path, file_okay=False), help="A new folder.")
@click.option("--force", is_flag=True, help="Write into a folder that is there already, in place of its bundle.")
@click.option(
    "--signing-key",
    type=click.File("rb"),
    default=None,
    help="A private key in PEM (EC or RSA): the bundle carries OPA's own signature.",
)
@click.option("--key-id", default="accordant", show_default=True, help="What OPA knows the key by.")
@click.option(
    "--archive",
    "packed",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Also as one file, which OPA polls and verifies.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compile(
    files: tuple[Path, ...],
    output: Path,
    force: bool,
    signing_key: BinaryIO | None,
    key_id: str,
    packed: Path | None,
    as_json: bool,
) -> None:
    """Compile documents to an OPA bundle: a folder that `opa run --bundle` takes as it is.

    \b
    Example:
      accordant mou compile partners.mou.yaml -o policy
      opa check --strict policy
    """
    bundle = compile_bundle(_documents(files))
    contents = dict(bundle.files)
    if signing_key is not None:
        key = signing_key.read()
        contents[SIGNATURES] = sign_bundle(bundle, key=key, keyid=key_id, algorithm=algorithm_of(key))
    if output.exists() and any(output.iterdir()):
        if not force:
            raise InputWrong(f"`{output}` is not empty (--force writes into it)", reason="folder-exists", field="-o")
        # What an older compile left there would be loaded too.
        shutil.rmtree(output / "accordant", ignore_errors=True)
        (output / SIGNATURES).unlink(missing_ok=True)
    for name, content in contents.items():
        path = output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    if packed is not None:
        packed.write_bytes(archive(contents))
    if as_json:
        click.echo(json.dumps({"revision": bundle.revision, "files": sorted(contents)}))
    else:
        click.echo(f"{output}: {len(contents)} files, revision {bundle.revision}", err=True)


def _day_in(mous: Sequence[Mou], fact: Mapping[str, Any]) -> dict[str, Any]:
    """An acknowledgement's `on` may be an instant: its local day counts."""
    on = fact.get("on")
    if not isinstance(on, str) or "T" not in on:
        return dict(fact)
    import datetime as dt

    instant = dt.datetime.fromisoformat(on)
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=dt.UTC)
    zone = next((m.zone for m in reversed(mous) if m.id == fact.get("mou")), None)
    return {**fact, "on": (day_of(instant, zone) if zone else instant.date()).isoformat()}


def _facts(given: Any, mous: Sequence[Mou]) -> Facts:
    """Facts from JSON. Raises ValueError (pydantic's, too)."""
    if given is None:
        return Facts()
    if not isinstance(given, dict):
        raise ValueError("facts are an object")
    values = {k: v for k, v in given.items() if v is not None}
    if isinstance(values.get("acknowledged"), list):
        values["acknowledged"] = [_day_in(mous, f) if isinstance(f, dict) else f for f in values["acknowledged"]]
    return Facts.model_validate(values)


def _together(a: Facts, b: Facts) -> Facts:
    return Facts(**{kind: getattr(a, kind) + getattr(b, kind) for kind in _FACT_KINDS})


def _said(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        place = ".".join(str(p) for p in first["loc"])
        return f"{place}: {first['msg'].removeprefix('Value error, ')}" if place else first["msg"]
    return str(error)


class _Deciding:
    """One engine on one set of documents, answering as `decide` prints."""

    def __init__(self, name: str, decide: Callable[[Request, Facts], Decision], mous: Sequence[Mou]) -> None:
        self.name, self._decide, self._mous = name, decide, mous

    def line(self, request: Request, facts: Facts) -> dict[str, Any]:
        try:
            decision = self._decide(request, facts)
        except EngineUnavailable as error:
            return {"outcome": "unavailable", "reason": error.reason, "detail": error.detail}
        if decision.outcome == "invalid":
            return {
                "outcome": "invalid",
                "reason": decision.reason,
                "detail": decision.detail,
                "valid_until": _instant(decision),
                "revision": decision.revision,
            }
        found = nearest(request, decision, self._mous, lambda asked: self._decide(asked, facts))
        obligations = decision.obligations
        texts = {(m.id, m.version, c.id): (m, c) for m in self._mous for c in m.clauses}
        return {
            "outcome": decision.outcome,
            "reason": decision.reason,
            "cites": [str(c) for c in decision.cites],
            "also": [str(c) for c in decision.also],
            "consent": [str(n.clause) for n in obligations.consent] if obligations else [],
            "obligations": _obligations(decision),
            "valid_until": _instant(decision),
            "revision": decision.revision,
            "text": [clause_text(*texts[c.mou, c.version, c.clause]) for c in decision.cites],
            "nearest": found.model_dump(mode="json", by_alias=True, exclude_defaults=True) if found else None,
        }


def _instant(decision: Decision) -> str | None:
    return decision.valid_until.isoformat().replace("+00:00", "Z") if decision.valid_until else None


def _obligations(decision: Decision) -> dict[str, Any] | None:
    obligations = decision.obligations
    if obligations is None:
        return None
    return {
        "view": obligations.view,
        "contributors": list(obligations.contributors),
        "fields": list(obligations.fields),
        "protection": obligations.protection.model_dump(mode="json", exclude_none=True),
        "consent": [{"clause": str(n.clause), "contributors": list(n.contributors)} for n in obligations.consent],
    }


def _engines(names: str, opa_url: str | None, bundle: Bundle, mous: Sequence[Mou], stack: ExitStack) -> list[_Deciding]:
    wanted = [n.strip() for n in names.split(",") if n.strip()]
    for name in wanted:
        if name not in _ENGINES:
            raise InputWrong(f"`{name}` is no engine ({', '.join(_ENGINES)} are)", field="--engine")
    if not wanted:
        raise InputWrong("no engine is named", field="--engine")
    return [_Deciding(n, stack.enter_context(opened(n, bundle, mous, opa_url=opa_url)), mous) for n in wanted]


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--requests",
    "requests_file",
    required=True,
    type=click.File("r", encoding="utf-8"),
    help="JSON lines; - is standard input.",
)
@click.option(
    "--facts", "facts_file", type=click.File("r", encoding="utf-8"), default=None, help="JSON, for every request."
)
@click.option(
    "--engine", "engines", default="embedded", show_default=True, help="embedded, opa, reference; several with commas."
)
@click.option(
    "--opa-url", default=lambda: os.environ.get("ACCORDANT_OPA_URL"), help="An OPA server; else one is started here."
)
@click.option("--json", "_as_json", is_flag=True, help="JSON lines are what is printed anyway.")
def decide(
    files: tuple[Path, ...], requests_file: TextIO, facts_file: TextIO | None, engines: str, opa_url: str | None,
    _as_json: bool,
) -> None:  # fmt: skip
    """Decide hypothetical requests, one a line, the documents taken as signed.

    \b
    Example:
      echo '{"party":"northside","dataset":"enrollments","fields":["grade"],"rows":"own","view":"identified",
             "purpose":"service-delivery","at":"2026-11-02T12:00:00Z"}' | tr -d '\\n' |
        accordant mou decide partners.mou.yaml --requests - --engine embedded,reference
    """
    mous = _documents(files)
    bundle = compile_bundle(mous)
    try:
        common = _facts(json.load(facts_file), mous) if facts_file else Facts()
    except (ValueError, RecursionError) as error:
        raise InputWrong(_said(error), reason="facts-wrong", field="--facts") from None
    with ExitStack() as stack:
        deciding = _engines(engines, opa_url, bundle, mous, stack)
        several = len(deciding) > 1
        for text in requests_file:
            if not text.strip():
                continue
            answers = _answers(text, common, mous, deciding)
            told = [{"engine": e.name} | a for e, a in zip(deciding, answers, strict=True)] if several else answers[0]
            sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
        sys.stdout.flush()


def _answers(text: str, common: Facts, mous: Sequence[Mou], deciding: Sequence[_Deciding]) -> list[dict[str, Any]]:
    try:
        line = json.loads(text)
        if not isinstance(line, dict):
            raise ValueError("a request is an object")
        facts = _together(common, _facts(line.pop("facts", None), mous))
        request = Request.model_validate({k: v for k, v in line.items() if v is not None})
    except (ValueError, RecursionError, OverflowError) as error:
        return [{"outcome": "invalid", "reason": "malformed", "detail": _said(error)} for _ in deciding]
    return [engine.line(request, facts) for engine in deciding]
