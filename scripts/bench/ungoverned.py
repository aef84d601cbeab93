"""What the governed request stands beside: the same server, framework, engine, rows and encoder, and nothing else.

    python -m scripts.bench.ungoverned PORT FILE...     the files' rows; the first file is the caller's own

No signature, no decision, no log: whoever asks is answered.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from flask import Flask, Response, request

from connectors.sources.tabular import _VIEW, locked
from governance.disclosure.answer import Batch
from governance.serve import door, server
from governance.settings import Settings
from governance.web.api.encode import encoder
from governance.web.doorway import Doorway
from governance.web.life import Life
from governance.web.metrics import Metrics

_FILES = "BENCH_FILES"
_TYPES = {"attendance_days": pa.int64(), "grade": pa.int64()}


def application() -> Flask:
    """One DuckDB for each set of files, opened once; a cursor a request."""
    files = [Path(name) for name in os.environ[_FILES].split(os.pathsep)]
    own, everybody = locked(files[:1]), locked(files)
    lock = threading.Lock()
    app = Flask("ungoverned", static_folder=None)

    @app.get("/healthz")
    def healthz() -> str:
        return "up"

    @app.post("/rows")
    def rows() -> Response:
        asked = request.get_json()
        columns = ", ".join(f'"{name}"' for name in asked["fields"])
        return _answer(own, f'SELECT {columns} FROM "{_VIEW}" WHERE client_id IS NOT NULL', asked["accept"])  # noqa: S608

    @app.post("/figures")
    def figures() -> Response:
        asked = request.get_json()
        by = asked["group_by"]
        text = f'SELECT "{by}", count(DISTINCT client_id) AS clients FROM "{_VIEW}" GROUP BY "{by}"'  # noqa: S608
        return _answer(everybody, text, asked["accept"])

    def _answer(connection: object, text: str, accept: str) -> Response:
        with lock:
            cursor = connection.cursor()  # type: ignore[attr-defined]
        reader = cursor.sql(text).to_arrow_reader(10_000)

        def batches() -> Iterator[Batch]:
            try:
                for batch in reader:
                    yield Batch(batch, {})
            finally:
                cursor.close()

        encode = encoder(accept, schema=reader.schema, tail={})
        return Response(encode(batches()), content_type=accept)

    return app


def served() -> Doorway:
    """Behind the same doorway as the governed application."""
    life, metrics = Life(), Metrics()
    return door(application(), Settings(home=Path.cwd()), life=life, metrics=metrics, closing=lambda: None)


def main() -> None:
    """Serves as `accordant serve` does, with its defaults."""
    port, *files = sys.argv[1:]
    os.environ[_FILES] = os.pathsep.join(files)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    settings = Settings(home=Path.cwd(), listen=f"127.0.0.1:{port}", drain_seconds=0)
    server("scripts.bench.ungoverned:served", settings).serve()


if __name__ == "__main__":
    main()
