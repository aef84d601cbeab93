"""Memoranda: the list, and one as it was signed, with each clause's rule, its signatures and what does not hold."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, render_template
from markupsafe import Markup

from governance.compiler.document import document
from governance.compiler.nouns import concerns
from governance.compiler.to_html import block_html
from governance.compiler.to_rego import clause_alone
from governance.compiler.to_text import clause_sha256
from governance.errors import DocumentWrong, NotFound
from governance.model.mou import Mou
from governance.register.reading import compiled
from governance.sessions import Holder
from governance.web.console.door import Door
from governance.web.services import Services

__all__ = ["ClauseShown", "Section", "add", "sections"]


@dataclass(frozen=True, slots=True)
class ClauseShown:
    """A clause: its words, and the rules that run, one a dataset."""

    id: str
    kind: str
    digest: str
    html: Markup
    rules: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands under it; the clauses among it, each for itself."""

    title: str
    html: Markup
    clauses: tuple[ClauseShown, ...]


def sections(mou: Mou) -> tuple[Section, ...]:
    """The blocks that are signed, all of them and in their order, grouped under their headings."""
    found: list[Section] = []
    title, parts, clauses = "", [], []  # type: str, list[str], list[ClauseShown]
    waiting = iter(mou.clauses)
    inside: list[str] | None = None

    def end_clause() -> None:
        nonlocal inside
        if inside is not None:
            clause = next(waiting)
            rules = tuple((d, clause_alone(mou, d, clause)) for d in mou.datasets if concerns(clause, d))
            html = Markup("".join(inside))  # noqa: S704 `block_html` escapes every word
            clauses.append(ClauseShown(clause.id, clause.kind, clause_sha256(mou, clause), html, rules))
            inside = None

    def end_section() -> None:
        end_clause()
        found.append(Section(title, Markup("".join(parts)), tuple(clauses)))  # noqa: S704 as above

    for block in document(mou):
        if block.kind == "heading":
            end_section()
            title, parts, clauses = block.text, [], []
        elif block.kind == "clause":
            end_clause()
            inside = [block_html(block)]
        elif inside is not None:
            inside.append(block_html(block))
        elif block.kind != "title":
            parts.append(block_html(block))
    end_section()
    return tuple(found)


def add(pages: Blueprint, services: Services, door: Door) -> None:
    """`/mous`, `/mous/<id>`, a version of it, and its text."""
    mous = services.agreements.mous

    def page(holder: Holder, mou_id: str, number: int | None) -> str:
        life = mous.shown(holder, mou_id)
        versions = life["versions"]
        wanted = number if number is not None else life["version"]
        version = next((v for v in versions if v["version"] == wanted), None)
        if versions and version is None:
            raise NotFound(f"no version {wanted} of `{mou_id}` was proposed", reason="no-version")
        mou, same = None, False
        if version is not None:
            try:
                made = compiled(mous.document(holder, mou_id, version["version"])[0])
                mou, same = made.mou, made.text_sha256 == version["text_sha256"]
            except DocumentWrong:
                mou = None
        return render_template(
            "mou.html", life=life, version=version, mou=mou, same=same, sections=sections(mou) if mou else ()
        )

    @pages.get("/mous")
    def mou_list() -> str:
        """Every memorandum that the person may see, as it stands; one alone is read anew from stored bytes."""
        return render_template("mous.html", mous=mous.listed(door.holder(), anew=False))

    @pages.get("/mous/<mou_id>")
    def mou(mou_id: str) -> str:
        """The version that matters most now."""
        return page(door.holder(), mou_id, None)

    @pages.get("/mous/<mou_id>/versions/<int:number>")
    def mou_version(mou_id: str, number: int) -> str:
        """One version."""
        return page(door.holder(), mou_id, number)

    @pages.get("/mous/<mou_id>/versions/<int:number>/text")
    def mou_text(mou_id: str, number: int) -> Response:
        """The text, to the byte that is signed."""
        content, digest = mous.text(door.holder(), mou_id, number)
        headers = {"Accordant-SHA256": digest}
        return Response(content, content_type="text/plain; charset=utf-8", headers=headers)
