"""What stands between a WSGI application (PEP 3333) and the doorway: its input, its environment, its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

__all__ = ["Answer", "Input", "Pieces", "called", "environ_of"]

_GATHERED = 64 * 1024


class Input:
    """`wsgi.input`: what was read beforehand, then (for uploads) what the event loop reads for us, within its time."""

    def __init__(self, ready: bytes, later: Callable[[int], bytes] | None) -> None:
        self._ready, self._later = ready, later

    def read(self, size: int = -1) -> bytes:
        """All, or at most `size` bytes."""
        count = size if size is not None and size >= 0 else 2**62
        found, self._ready = self._ready[:count], self._ready[count:]
        if self._later is not None and len(found) < count:
            found += self._later(count - len(found))
        return found

    def readline(self, size: int = -1) -> bytes:
        """A line of what was read beforehand."""
        end = self._ready.find(b"\n") + 1 or len(self._ready)
        return self.read(min(end, size) if size is not None and size >= 0 else end)

    def readlines(self, _hint: int = -1) -> list[bytes]:
        """All lines."""
        return self.read().splitlines(keepends=True)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readlines())


class Pieces:
    """What the application yields, small pieces put together; an error waits until what came before it has left."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self._ended = iter(pieces), False
        self._error: Exception | None = None

    @property
    def whole(self) -> bool:
        """Nothing follows, and nothing went wrong."""
        return self._ended and self._error is None

    def next(self) -> bytes:
        """The next bytes, none at the end. Raises what the application raised."""
        if self._error is not None:
            raise self._error
        found: list[bytes] = []
        size = 0
        while size < _GATHERED and not self._ended:
            try:
                piece = next(self._pieces)
            except StopIteration:
                self._ended = True
            except Exception as error:
                self._ended = True
                self._error = error
                if not found:
                    raise
            else:
                found.append(piece)
                size += len(piece)
        return b"".join(found)


@dataclass(slots=True)
class Answer:
    """What the application answered, its first piece made already; `rest` is None where that was all."""

    status: int
    headers: list[tuple[str, str]]
    first: bytes
    rest: Pieces | None
    close: Callable[[], None]

    def header(self, name: str) -> str | None:
        """A header's value."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    @property
    def streamed(self) -> bool:
        """Data, made while it leaves: its length was not known beforehand."""
        return self.status == 200 and self.header("content-length") is None

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """As ASGI takes them."""
        return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self.headers]


def environ_of(scope: MutableMapping[str, Any]) -> dict[str, Any]:
    """PEP 3333, from what arrived. A name with an underscore could pass for another and is left out, like in nginx."""
    host, port = (scope.get("server") or ("", ""))[:2]
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"].partition(b"?")[0]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": str((scope.get("client") or ("",))[0]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.errors": None,
        "wsgi.input_terminated": True,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in scope["headers"]:
        name = raw_name.decode("latin-1")
        if "_" in name:
            continue
        value = raw_value.decode("ascii") if raw_value.isascii() else ""
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        # A second one stands beside the first: whoever verifies a signature sees both.
        environ[key] = value if key not in environ or key == "CONTENT_LENGTH" else f"{environ[key]},{value}"
    return environ


def called(app: Callable[..., Iterable[bytes]], environ: dict[str, Any]) -> Answer:
    """The application's answer with its first piece; in a thread."""
    begun: list[tuple[int, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _info: Any = None) -> Callable[[bytes], None]:
        begun.append((int(status.split(" ", 1)[0]), headers))
        return lambda _data: None

    made = app(environ, start_response)
    close = getattr(made, "close", None) or (lambda: None)
    pieces = Pieces(made)
    try:
        first = pieces.next()
        status, headers = begun[-1]
    except BaseException:
        close()
        raise
    if pieces.whole:
        close()
    return Answer(status, headers, first, None if pieces.whole else pieces, close)
