"""Small inputs that unfold, nest or grow without end: refused at once, wherever they come in."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.sources import mapping
from governance.compiler.from_template import from_template, read_template
from governance.compiler.from_yaml import read
from governance.errors import DocumentWrong
from governance.register.reading import encoded
from governance.signing.http import sign_request
from tests.simulator import ORIGIN, World


def bomb(name: str = "a", levels: int = 12) -> str:
    """A few hundred bytes that unfold to 10^12 values. `name`: what anchors begin with."""
    lines = [f"a0: &{name}0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &{name}{i} [{', '.join([f'*{name}{i - 1}'] * 10)}]" for i in range(1, levels)]
    return "\n".join(lines) + "\n"


# YAML lets an anchor be named by almost any character, so none of them may be looked for by its letters.
NAMES = ("a", "é", ".", "-x", "@", "一", "0")
BOMBS = {
    **{f"aliases {i}": bomb(name) for i, name in enumerate(NAMES)},
    "merge keys": "a: &a {k: v}\nb: &b {<<: *a}\nc: {<<: [*a, *b]}\n",
    "an alias to itself": "a: &a [*a]\n",
    "brackets": "a: " + "[" * 50_000,
    "braces": "{a: " * 50_000,
    "dashes": "- " * 50_000,
    "indentation": "\n".join(" " * i + "a:" for i in range(1_500)),
    "a tag": "!!python/object/apply:os.system ['true']",
    "a tag without end": "!" * 50_000,
    "keys that are lists": "? [a, [b]]\n: c\n",
    "an endless text": 'a: "' + "x" * 100_000,
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_document_that_explodes(kind: str) -> None:
    """As an MOU, as a template, as the document of a template, as a mapping."""
    for reader in (read, read_template, mapping.read):
        with pytest.raises(DocumentWrong) as caught:
            reader(BOMBS[kind].encode())
        assert caught.value.faults


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_an_anchor_is_found_however_it_is_named(name: str) -> None:
    """Before anything is built of it, and with its place."""
    with pytest.raises(DocumentWrong) as caught:
        mapping.read(bomb(name).encode())
    assert [("yaml-alias", 1)] == [(fault.code, fault.line) for fault in caught.value.faults]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World.found(tmp_path_factory.mktemp("world"))
    made.enrol("north")
    yield made
    made.close()


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_over_http_is_a_problem_document(world: World, kind: str) -> None:
    """400 with the faults, and no entry."""
    size = world.services.journal.head().size
    text = BOMBS[kind]
    if len(text) < 60_000:
        document = {"mapping": text, "url": None}
        response = world.call(world.partners["north"], "POST", "/v1/sources", document)
        assert (400, "document-wrong") == (response.status_code, (response.json or {})["reason"])
    proposal = {"document": encoded(text.encode()), "statement": encoded(b"{}"), "jws": "a..b"}
    response = world.call(world.administrator, "POST", "/v1/mous", proposal)
    assert (400, "application/problem+json") == (response.status_code, response.mimetype)
    assert size == world.services.journal.head().size


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"statement":' + b"[" * 8_000,
        b'{"fields": ' + b"[" * 20 + b"]" * 20 + b"}",
        b'{"limit": ' + b"9" * 60_000 + b"}",
        b'{"limit": 1e999999}',
        b'{"filters": [' + b",".join([b"{}"] * 20_000) + b"]}",
        json.dumps({"dataset": "\ud800"}).encode(),
        b'{"dataset": "\\u0000"}',
        b"\xff\xfe{\x00}\x00",
    ],
    ids=range(10),
)
@pytest.mark.parametrize("path", ["/v1/query", "/v1/sources", "/v1/duties", "/v1/mous", "/v1/keys"])
def test_json_that_explodes_is_a_problem_document(world: World, path: str, body: bytes) -> None:
    """Nesting, numbers without end, a thousand filters, lone surrogates: 400 or 413, at every door."""
    if path == "/v1/keys":
        response = world.client.post(path, data=body, content_type="application/json", base_url=ORIGIN)
    elif path == "/v1/query":
        headers = sign_request(
            key=world.partners["north"].key, method="POST", target_uri=ORIGIN + path, now=world.clock.now(),
            nonce=secrets.token_urlsafe(24), body=body, purpose="improvement", mou="small",
        )  # fmt: skip
        response = world.client.post(path, data=body, headers=headers, base_url=ORIGIN)
    else:
        response = world.call(world.administrator if path == "/v1/mous" else world.partners["north"], "POST", path,
                              body=body)  # fmt: skip
    assert response.status_code in (400, 403, 413)
    assert "application/problem+json" == response.mimetype


def test_a_consent_file_that_explodes(world: World, tmp_path: Path) -> None:
    """A cell without end, a quote without end, columns without number."""
    for text in ('subject,purpose,status\n"' + "x" * 300_000, "," * 100_000, "subject\n" + "a," * 50_000):
        response = world.call(world.partners["north"], "POST", "/v1/consents", body=text.encode(),
                              content_type="text/csv")  # fmt: skip
        assert (400, "application/problem+json") == (response.status_code, response.mimetype)


def test_a_template_that_explodes() -> None:
    """The document of a template is held to the limits of every document, before anything is filled in."""
    folder = Path(__file__).parents[2] / "mou_templates" / "benchmarking"
    template = read_template((folder / "template.yaml").read_bytes())
    with pytest.raises(DocumentWrong):
        from_template(template, bomb().encode(), {})
