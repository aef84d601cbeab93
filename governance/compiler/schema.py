"""The JSON Schema of a document, for editors (JSON Schema 2020-12): it accepts whatever `check` accepts.

    python -m governance.compiler.schema > docs/mou.schema.json

A schema sees one place at a time. What hangs on two places (a party that is named and not there, bins that overlap) is
for `accordant mou check` alone.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from governance.model.mou import Mou

__all__ = ["schema", "schema_text"]


def schema() -> dict[str, Any]:
    """The schema as a value."""
    body = Mou.model_json_schema(by_alias=True, mode="validation")
    _tidied(body)
    _one_kind(body["$defs"]["Clause"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **body,
        "title": "A memorandum of understanding in the Accordant language, version 1",
    }


def schema_text() -> str:
    """The schema as it is published."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _tidied(node: Any) -> None:
    """Removes what no document may say: pydantic's optional keys are absent or have a value, and never null."""
    if isinstance(node, list):
        for item in node:
            _tidied(item)
        return
    if not isinstance(node, dict):
        return
    options = node.get("anyOf")
    if isinstance(options, list) and {"type": "null"} in options and node.get("default", 0) is None:
        rest = [option for option in options if option != {"type": "null"}]
        del node["default"]
        if len(rest) == 1:
            del node["anyOf"]
            node.update({key: value for key, value in rest[0].items() if key not in node})
        else:
            node["anyOf"] = rest
    for value in node.values():
        _tidied(value)


def _one_kind(clause: dict[str, Any]) -> None:
    clause["oneOf"] = [{"required": [kind]} for kind in ("permit", "prohibit", "consent", "duty")]


if __name__ == "__main__":
    sys.stdout.write(schema_text())
