"""Settings: `accordant.toml` in the home, then `ACCORDANT_*` variables; each knows where its value came from.

Nothing here is read at import time. A wrong value is an error that names the setting, the file and what was expected.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from governance.errors import InputWrong, NotFound
from governance.model.limits import Limits

__all__ = ["FILE_NAME", "Settings", "from_home", "template"]

FILE_NAME = "accordant.toml"
_ORIGIN = "http://127.0.0.1:8484"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a running service is told. Sizes in bytes, times in seconds."""

    home: Path
    database_url: str = ""
    keys_url: str = ""
    wrapping_key: str = "file:keys/wrapping.key"
    opa_url: str = ""
    origin: str = _ORIGIN
    listen: str = "127.0.0.1:8484"
    source_hosts: str = ""
    log_origin: str = ""
    administrator: str = ""
    threads: int = 16
    max_body: int = 65_536
    max_upload: int = 268_435_456
    max_filters: int = 16
    max_fields: int = 64
    max_rows: int = 5_000_000
    batch_rows: int = 10_000
    query_seconds: float = 60.0
    engine_seconds: float = 2.0
    requests_in_flight: int = 64
    requests_per_minute: int = 600
    uploads_in_flight: int = 2
    max_connections: int = 2048
    header_seconds: float = 20.0
    body_seconds: float = 30.0
    upload_seconds: float = 600.0
    send_seconds: float = 30.0
    drain_seconds: float = 1.0
    grace_seconds: float = 30.0
    free_bytes: int = 67_108_864
    metrics_from: str = "127.0.0.1,::1"
    sources: tuple[tuple[str, str], ...] = ()

    def provenance(self) -> dict[str, str]:
        """Where each value came from: `default`, `accordant.toml` or the variable's name."""
        return {f.name: "default" for f in fields(self) if f.name != "sources"} | dict(self.sources)

    def shown(self) -> dict[str, str]:
        """Each value as text, passwords hidden."""
        hidden = {n: make_url(getattr(self, n)).render_as_string(hide_password=True) for n in _ADDRESSES}
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "sources"}
        return {k: str(v) for k, v in (values | hidden).items()}

    @property
    def limits(self) -> Limits:
        """The limits that a request is held to."""
        return Limits(
            body=self.max_body,
            filters=self.max_filters,
            fields=self.max_fields,
            rows=self.max_rows,
            batch_rows=self.batch_rows,
            query_seconds=self.query_seconds,
            in_flight=self.requests_in_flight,
            per_minute=self.requests_per_minute,
        )

    @property
    def keys(self) -> Path:
        """The folder of the server's own keys."""
        return self.home / "keys"

    @property
    def data(self) -> Path:
        """The folder that loaded rows are kept in."""
        return self.home / "data"


_ADDRESSES = ("database_url", "keys_url")
_TYPES = {f.name: f.type for f in fields(Settings)}
_NOT_SET = frozenset({"home", "sources"})
# With none of these, or no time for them, nothing could be served at all.
_AT_LEAST_ONE = ("threads", "requests_in_flight", "uploads_in_flight", "max_connections", "batch_rows")
_SOME_TIME = ("header_seconds", "body_seconds", "upload_seconds", "send_seconds")


def _typed(name: str, value: Any, origin: str) -> Any:
    kind = _TYPES[name]
    try:
        if kind == "int":
            if isinstance(value, bool | float):
                raise ValueError
            number = int(value)
            if not 0 <= number < 2**63:
                raise ValueError
            return number
        if kind == "float":
            if isinstance(value, bool) or not 0 <= float(value) < 1e9:
                raise ValueError
            return float(value)
    except (TypeError, ValueError):
        expected = "a whole number" if kind == "int" else "a number of seconds"
        raise InputWrong(
            f"`{value}` in {origin} is not {expected}, zero or more", reason="setting-wrong", field=name
        ) from None
    if not isinstance(value, str):
        raise InputWrong(f"`{value}` in {origin} is not text", reason="setting-wrong", field=name)
    return value


def _checked(settings: Settings) -> Settings:
    for name in _ADDRESSES:
        try:
            make_url(getattr(settings, name))
        except ArgumentError:
            raise InputWrong("not a database address", reason="setting-wrong", field=name) from None
    for name in ("origin", "opa_url"):
        value = getattr(settings, name)
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/")):
            raise InputWrong(f"`{value}` is not an origin such as https://host", reason="setting-wrong", field=name)
    for name in _AT_LEAST_ONE:
        if getattr(settings, name) < 1:
            raise InputWrong("has to be one or more", reason="setting-wrong", field=name)
    for name in _SOME_TIME:
        if getattr(settings, name) <= 0:
            raise InputWrong("has to be some seconds", reason="setting-wrong", field=name)
    host, _, port = settings.listen.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise InputWrong(f"`{settings.listen}` is not host:port", reason="setting-wrong", field="listen")
    return settings


def from_home(home: Path | str | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of a home. Without `home`: `ACCORDANT_HOME`, else the folder `accordant-home` here."""
    env = os.environ if environ is None else environ
    place = Path(home or env.get("ACCORDANT_HOME") or "accordant-home").expanduser().resolve()
    path = place / FILE_NAME
    if not path.is_file():
        raise NotFound(f"no home at `{place}` (`accordant init {place}` makes one)", reason="no-home", field="home")
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputWrong(f"{path}: {error}", reason="setting-wrong") from None
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name, value in document.items():
        if name not in _TYPES or name in _NOT_SET:
            raise InputWrong(f"{path}: no such setting", reason="setting-wrong", field=name)
        values[name] = _typed(name, value, str(path))
        sources[name] = FILE_NAME
    for name in _TYPES:
        variable = f"ACCORDANT_{name.upper()}"
        if name not in _NOT_SET and env.get(variable):
            values[name] = _typed(name, env[variable], variable)
            sources[name] = variable
    if home is None and env.get("ACCORDANT_HOME"):
        sources["home"] = "ACCORDANT_HOME"
    values.setdefault("database_url", f"sqlite:///{place / 'accordant.db'}")
    # Several gateways share a PostgreSQL database, and so its keys; a file's keys lie beside it, never in it.
    shared = str(values["database_url"]).startswith("postgresql")
    values.setdefault("keys_url", values["database_url"] if shared else f"sqlite:///{place / 'keys' / 'data-keys.db'}")
    values.setdefault("log_origin", urlsplit(values.get("origin", _ORIGIN)).netloc + "/log")
    return _checked(Settings(home=place, sources=tuple(sources.items()), **values))


def template(*, origin: str, listen: str, log_origin: str, administrator: str) -> str:
    """The commented file that `accordant init` writes."""
    return f"""\
# Accordant's settings. A variable ACCORDANT_<NAME> in the environment wins over a line here;
# `accordant settings` prints every value and where it came from.

# The public origin that signatures cover: what partners type, scheme and host, without a path.
origin = "{origin}"

# Where the server listens. Put a proxy with TLS in front of anything but this machine.
listen = "{listen}"

# The name of the log, in every checkpoint. It never changes.
log_origin = "{log_origin}"

# The fingerprint of the administrator's first key, the root that enrolments are approved by.
# Its public key lies in keys/administrator.pub; both are outside the database on purpose.
administrator = "{administrator}"

# State and log. Absent: SQLite, accordant.db in this folder.
# database_url = "postgresql+psycopg://accordant@localhost/accordant"

# Data keys, under which the log's content is encrypted. Absent: keys/data-keys.db in this folder, or, with PostgreSQL,
# the table accordant_data_keys, which no backup takes along. They are wrapped by a key that comes from elsewhere:
# keys_url = "sqlite:////srv/keys/data-keys.db"
# wrapping_key = "file:keys/wrapping.key"   # or env:NAME, or command:PROGRAM ARGUMENT…

# An OPA server that decides. Absent: the engine that runs in this process.
# opa_url = "http://127.0.0.1:8181"

# Hosts of partners' databases that may be read live, separated by commas. Absent: none; files can always be loaded.
# source_hosts = "db.northside.example"

# Limits.
# max_body = 65536             # bytes of a request
# max_rows = 5000000           # rows of an answer
# query_seconds = 60.0         # a query of a source
# requests_in_flight = 64
# requests_per_minute = 600    # a key
# body_seconds = 30.0          # a request's body, from its first byte to its last
# send_seconds = 30.0          # until a client has taken the next 256 KiB of its answer
# grace_seconds = 30.0         # requests in flight at a stop
# All settings stand in docs/operations.md.
"""
