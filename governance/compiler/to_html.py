"""What is signed, as one accessible page: no script, no link, no style attribute, every word of the document escaped.

The authors' words stand in `blockquote`, what is generated does not; titles become `q`, ids `code`. The page forbids
itself everything but its own style sheet, named by its digest, so that it may be served under a strict policy (CSP 3).
"""

from __future__ import annotations

import base64
import hashlib
import html
import re

from governance.compiler.document import Block, document
from governance.compiler.words import collapse
from governance.model.mou import Mou

__all__ = ["STYLE", "STYLE_SOURCE", "block_html", "body_html", "to_html"]

STYLE = """
:root { color-scheme: light dark; --line: #b9bec7; --mark: #1f5f8b; --soft: #f3f5f8 }
@media (prefers-color-scheme: dark) { :root { --line: #4a515c; --mark: #7cb8e4; --soft: #1d2228 } }
body { font: 1rem/1.55 system-ui, sans-serif; max-width: 44rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere }
h1 { font-size: 1.6rem; line-height: 1.25 }
h2 { font-size: 1.25rem; margin-top: 2.5rem; border-bottom: 1px solid var(--line); padding-bottom: .25rem }
h3 { font-size: 1.05rem; margin: 0 0 .5rem }
article { margin: 1.25rem 0; padding: 1rem; border: 1px solid var(--line); border-radius: .5rem }
blockquote { margin: .5rem 0; padding: .25rem 0 .25rem 1rem; border-left: .25rem solid var(--mark) }
blockquote p { margin: .5rem 0 }
article > p { margin: .75rem 0 0; padding: .5rem .75rem; background: var(--soft); border-radius: .25rem }
q { quotes: none }
code { font-size: .85em; background: var(--soft); border-radius: .2em; padding: 0 .2em }
li { margin: .25rem 0 }
ul { padding-left: 1.25rem }
"""
STYLE_SOURCE = f"'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"

_READING = (
    "How to read this: passages with a bar at their left are the authors' own words, and titles that they chose stand "
    "between “ and ”. Everything else is generated from the keys of the document, which are what the software "
    "enforces. Each clause ends in its operative sentence; where it and the authors' words differ, the operative "
    "sentence prevails."
)
# What `words.quoted` and `words.id_named` write; neither can hold its own end.
_MARKED = re.compile(r"“((?:[^“”`\\]|\\.)*)”|`([^`“”]*)`", re.DOTALL)


def to_html(mou: Mou) -> str:
    """A whole page, complete in itself."""
    title = html.escape(collapse(mou.title))
    policy = html.escape(
        f"default-src 'none'; style-src {STYLE_SOURCE}; base-uri 'none'; form-action 'none'", quote=True
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body_html(mou)}</main>\n</body>\n</html>\n"
    )


def body_html(mou: Mou) -> str:
    """The document without a page around it, for a page that has its own head."""
    parts: list[str] = []
    inside = False
    for block in document(mou):
        if inside and block.kind in {"clause", "heading"}:
            parts.append("</article>\n")
            inside = False
        if block.kind == "clause":
            parts.append("<article>\n")
            inside = True
        parts.append(block_html(block))
    return "".join([*parts, "</article>\n" if inside else ""])


def block_html(block: Block) -> str:
    """One block as an element, every word of the document escaped."""
    if block.kind == "title":
        return f'<h1 dir="auto">{html.escape(block.text)}</h1>\n'
    if block.kind == "heading":
        return f"<h2>{_generated(block.text)}</h2>\n"
    if block.kind == "clause":
        return f"<h3>{_generated(block.text)}</h3>\n"
    if block.kind == "words":
        paragraphs = "\n".join(f'<p dir="auto">{html.escape(part)}</p>' for part in block.parts)
        return f"<blockquote>\n{paragraphs}\n</blockquote>\n"
    if block.kind == "items":
        items = "\n".join(f"<li>{_generated(part)}</li>" for part in block.parts)
        return f"<ul>\n{items}\n</ul>\n"
    if block.kind == "operative":
        label, sentence = block.text.split(": ", 1)
        return f"<p><strong>{_generated(label)}:</strong> {_generated(sentence)}</p>\n"
    return f"<p>{_generated(_READING if block.kind == 'reading' else block.text)}</p>\n"


def _generated(text: str) -> str:
    """Marks titles and ids; `bdi` keeps a title in another direction from turning the sentence around it."""
    parts: list[str] = []
    at = 0
    for match in _MARKED.finditer(text):
        parts.append(html.escape(text[at : match.start()]))
        title, name = match[1], match[2]
        if title is not None:
            parts.append(f"“<q><bdi>{html.escape(title)}</bdi></q>”")
        else:
            parts.append(f"<code>{html.escape(name)}</code>")
        at = match.end()
    return "".join([*parts, html.escape(text[at:])])
