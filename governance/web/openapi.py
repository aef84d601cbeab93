"""`GET /openapi.json`: OpenAPI 3.1, generated from the routes, their docstrings and the models that they take."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask

from governance.model.access import Filter, Measure

__all__ = ["describe"]

_OPEN = frozenset(
    {
        "/healthz",
        "/readyz",
        "/openapi.json",
        "/log/checkpoint",
        "/log/cosigned",
        "/log/vkey",
        "/log/tile/<path:name>",
        "/v1/keys",
    }
)
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
            "schema": {"type": "integer", "minimum": 0} if kind == "int" else {"type": "string"},
        }
        for kind, name in _CONVERTER.findall(rule)
    ]


def _operation(rule: str, method: str, words: str) -> dict[str, Any]:
    summary, _, more = words.strip().partition("\n")
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": {
            "200": {"description": "done"},
            "default": {
                "description": "a problem document (RFC 9457)",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        },
    }
    if more.strip():
        operation["description"] = " ".join(more.split())
    if parameters := _parameters(rule):
        operation["parameters"] = parameters
    if rule not in _OPEN or (rule == "/v1/keys" and method == "get"):
        operation["security"] = [{"signature": []}]
    if rule == "/v1/query":
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Query"}}},
        }
        operation["parameters"] = [
            {
                "name": "Data-Purpose",
                "in": "header",
                "required": True,
                "description": "an RFC 9651 item, the purpose, with the parameter `mou`",
                "schema": {"type": "string", "examples": ['program-improvement;mou="benchmarking"']},
            }
        ]
        answers = ("application/json", "text/csv", "application/vnd.apache.arrow.stream")
        operation["responses"]["200"]["content"] = {media_type: {} for media_type in answers}
    elif method == "post":
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
    return operation


def describe(app: Flask, *, origin: str, version: str) -> dict[str, Any]:
    """The document, in the order of the paths."""
    paths: dict[str, dict[str, Any]] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda r: r.rule):
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
            "schemas": schemas | {"Problem": _PROBLEM, "Query": _QUERY},
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
