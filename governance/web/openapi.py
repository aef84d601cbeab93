"""`GET /openapi.json`: OpenAPI 3.1, generated from the routes, their docstrings and the models that they take."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask

from governance.history import FILTERS
from governance.model.access import Filter, Measure

__all__ = ["describe"]

_OPEN = frozenset({
    "/healthz", "/readyz", "/metrics", "/openapi.json", "/log/checkpoint", "/log/cosigned", "/log/vkey", "/log/vkeys",
    "/log/tile/<path:name>", "/v1/keys",
})  # fmt: skip
_CONVERTER = re.compile(r"<(?:(\w+):)?(\w+)>")
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "reason"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "reason": {"type": "string"},
        "field": {"type": "string"},
        "outcome": {"enum": ["deny", "gap", "review", "invalid", "unavailable"]},
        "clauses": {"type": "array", "items": {"type": "object"}},
        "nearest": {"type": ["object", "null"]},
        "entry": {"type": ["integer", "null"]},
    },
}
_ANSWER = {
    "type": "object",
    "required": ["columns", "rows", "protection", "receipt"],
    "properties": {
        "columns": {"type": "array", "items": {"type": "string"}},
        "rows": {"type": "array", "items": {"type": "array"}},
        "protection": {"type": "object"},
        "receipt": {"type": "object", "required": ["entry"], "properties": {"entry": {"type": "integer"}}},
    },
}
_NAMES = {"type": "array", "items": {"type": "string"}}
_QUERY = {
    "type": "object",
    "additionalProperties": False,
    "required": ["dataset", "rows", "view"],
    "properties": {
        "dataset": {"type": "string"},
        "fields": _NAMES,
        "rows": {"enum": ["own", "others", "all"]},
        "from": _NAMES,
        "view": {"enum": ["identified", "pseudonymised", "aggregate"]},
        "under": {"type": "string"},
        "filters": {"type": "array", "items": {"$ref": "#/components/schemas/Filter"}},
        "group_by": _NAMES,
        "measures": {"type": "array", "items": {"$ref": "#/components/schemas/Measure"}},
        "order_by": _NAMES,
        "limit": {"type": "integer", "minimum": 1},
        "indicator": {
            "type": "object",
            "required": ["id"],
            "properties": {"id": {"type": "string"}, "period": {"type": "string"}},
        },
    },
}


def _parameters(rule: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "integer", "minimum": 0} if kind == "int" else {"type": "string", "minLength": 1},
        }
        for kind, name in _CONVERTER.findall(rule)
    ]


# What any call may be answered besides what it is for; the words are those of web/problems.
_SIGNED = {
    "400": "the request is wrong; `field` names the part",
    "401": "not signed, or not by a key that counts here",
    "403": "understood, and the answer is no",
    "404": "nothing of that name that the caller may see",
    "409": "a replayed nonce, or the state has moved on",
    "413": "too large",
    "429": "too many requests with this key, or in flight",
    "503": "the log, the policies or a source do not answer; nothing was released",
}
_UNSIGNED = {"503": "a part that is needed does not answer"}
_MAY_LACK = frozenset({"/log/cosigned", "/log/tile/<path:name>"})
_CREATED = frozenset({
    "/v1/acknowledgements", "/v1/consents", "/v1/cosignatures", "/v1/duties", "/v1/erasures", "/v1/holds",
    "/v1/holds/release", "/v1/keys",
    "/v1/keys/<fingerprint>/approval", "/v1/keys/<fingerprint>/attestation",
    "/v1/keys/<fingerprint>/revocation", "/v1/mous", "/v1/mous/<mou_id>/openings",
    "/v1/mous/<mou_id>/statements", "/v1/resumption", "/v1/reviews/<digest>/approval", "/v1/reviews/<digest>/refusal",
    "/v1/sessions", "/v1/sources", "/v1/sources/<dataset>/rows",
})  # fmt: skip
_TEXTS = {
    "/log/checkpoint": "text/plain",
    "/log/vkey": "text/plain",
    "/log/vkeys": "text/plain",
    "/log/cosigned": "text/plain",
    "/log/tile/<path:name>": "application/octet-stream",
    "/v1/exports": "application/x-ndjson",
    "/v1/mous/<mou_id>/text": "text/plain",
    "/v1/mous/<mou_id>/document": "application/yaml",
    "/v1/mous/<mou_id>/evidence": "application/zip",
    "/metrics": "text/plain",
}
_BODILESS = frozenset({
    "/v1/activation", "/v1/exports", "/v1/mous/<mou_id>/evidence", "/v1/retention", "/v1/sessions",
    "/v1/witnesses/round",
})  # fmt: skip
_STATEMENT = {"statement": {"type": "string"}, "jws": {"type": "string"}}
_STATED = {
    "type": "object", "additionalProperties": False, "required": ["statement", "jws"], "properties": _STATEMENT,
}  # fmt: skip
_TEXT = {"type": "string", "minLength": 1}
_ORDERED = {
    "type": "object", "additionalProperties": False, "required": ["statement", "jws", "subject", "salt"],
    "properties": _STATEMENT | {"subject": _TEXT, "salt": _TEXT},
}  # fmt: skip
_BODIES: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "/v1/query": (("application/json",), {"$ref": "#/components/schemas/Query"}),
    "/v1/mous": (
        ("application/json",),
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["document", "statement", "jws"],
            "properties": {"document": {"type": "string"}} | _STATEMENT,
        },
    ),
    "/v1/mous/<mou_id>/openings": (
        ("application/json",),
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "version": {"type": ["integer", "null"]},
                "decision": {"enum": ["sign", "decline", "withdraw"]},
            },
        },
    ),
    "/v1/cosignatures": (
        ("application/json",),
        {
            "type": "object",
            "required": ["checkpoint", "line"],
            "properties": {"checkpoint": {"type": "string"}, "line": {"type": "string"}},
        },
    ),
    "/v1/sources": (
        ("application/json",),
        {
            "type": "object",
            "required": ["mapping"],
            "properties": {"mapping": {"type": "string"}, "url": {"type": ["string", "null"]}},
        },
    ),
    "/v1/sources/<dataset>/rows": (("text/csv", "application/vnd.apache.parquet"), {}),
    "/v1/consents": (("text/csv",), {}),
    "/v1/erasures": (("application/json",), _ORDERED),
    "/v1/holds": (("application/json",), _ORDERED),
    "/v1/holds/release": (("application/json",), _ORDERED),
    "/v1/disclosures": (
        ("application/json",),
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["subject"],
            "properties": {"subject": _TEXT, "contributor": {"type": ["string", "null"]}},
        },
    ),
}
_ARGUMENTS = {
    "/v1/entries": (*FILTERS, "limit", "before"),
    "/v1/consents": ("subject",),
    "/v1/receipts/<int:entry>": ("cosigned",),
    "/v1/mous/<mou_id>/text": ("version",),
    "/v1/mous/<mou_id>/document": ("version",),
}
_WHOLE = frozenset({"limit", "before", "version"})


def _arguments(rule: str) -> list[dict[str, Any]]:
    kinds = {True: {"type": "integer", "minimum": 0}, False: {"type": "string"}}
    return [{"name": n, "in": "query", "schema": kinds[n in _WHOLE]} for n in _ARGUMENTS.get(rule, ())]


def _problem(words: str) -> dict[str, Any]:
    return {
        "description": words,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _content(rule: str) -> dict[str, Any]:
    if rule == "/v1/query":
        answers: dict[str, Any] = {m: {} for m in ("text/csv", "application/vnd.apache.arrow.stream")}
        return {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}} | answers
    if rule == "/v1/receipts/<int:entry>":
        return {"application/json": {"schema": {"type": "object"}}, "text/plain": {}}
    return {_TEXTS[rule]: {}} if rule in _TEXTS else {"application/json": {"schema": {"type": "object"}}}


def _responses(rule: str, method: str, *, signed: bool) -> dict[str, Any]:
    done = "201" if method == "post" and rule in _CREATED else "200"
    responses = {done: {"description": "done", "content": _content(rule)}}
    if rule == "/readyz":
        return responses | {"503": {"description": "not ready", "content": _content(rule)}}
    wrong = _SIGNED if signed or method == "post" else _UNSIGNED
    if rule in _MAY_LACK:
        wrong = wrong | {"404": "the log has nothing there"}
    return responses | {status: _problem(words) for status, words in wrong.items()}


def _operation(rule: str, method: str, words: str) -> dict[str, Any]:
    summary, _, more = words.strip().partition("\n")
    signed = rule not in _OPEN or (rule == "/v1/keys" and method == "get")
    operation: dict[str, Any] = {"summary": summary, "responses": _responses(rule, method, signed=signed)}
    if more.strip():
        operation["description"] = " ".join(more.split())
    parameters = _parameters(rule) + (_arguments(rule) if method == "get" else [])
    if rule == "/v1/query":
        parameters.append(
            {
                "name": "Data-Purpose",
                "in": "header",
                "required": True,
                "description": "an RFC 9651 item, the purpose, with the parameter `mou`",
                "schema": {"type": "string", "examples": ['program-improvement;mou="benchmarking"']},
            }
        )
    if parameters:
        operation["parameters"] = parameters
    if signed:
        operation["security"] = [{"signature": []}]
    if method == "post" and rule not in _BODILESS:
        types, schema = _BODIES.get(rule, (("application/json",), _STATED))
        operation["requestBody"] = {
            "required": rule != "/v1/mous/<mou_id>/openings",
            "content": {media_type: {"schema": schema} if schema else {} for media_type in types},
        }
    return operation


def describe(app: Flask, *, origin: str, version: str) -> dict[str, Any]:
    """The document, in the order of the paths."""
    paths: dict[str, dict[str, Any]] = {}
    # The console's pages are for people.
    rules = (r for r in app.url_map.iter_rules() if not r.endpoint.startswith("console."))
    for rule in sorted(rules, key=lambda r: r.rule):
        view = app.view_functions[rule.endpoint]
        for method in sorted((rule.methods or set()) & {"GET", "POST", "PUT", "DELETE"}):
            path = _CONVERTER.sub(r"{\2}", rule.rule)
            paths.setdefault(path, {})[method.lower()] = _operation(rule.rule, method.lower(), view.__doc__ or "")
    schemas = {m.__name__: m.model_json_schema(ref_template="#/components/schemas/{model}") for m in (Filter, Measure)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Accordant",
            "version": version,
            "description": "Every call but the open ones is signed with HTTP Message Signatures (RFC 9421).",
        },
        "servers": [{"url": origin}],
        "paths": paths,
        "components": {
            "schemas": schemas | {"Problem": _PROBLEM, "Query": _QUERY, "Answer": _ANSWER},
            "securitySchemes": {
                "signature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Signature",
                    "description": "RFC 9421, label `accordant`, with `Signature-Input` beside it",
                }
            },
        },
    }
