"""The audit log's errors as ours, in one place."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import audit
from governance.errors import LogUnavailable

__all__ = ["called", "mapped"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


def mapped(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The function, which raises LogUnavailable (`log-tampered` where stored bytes contradict each other)."""

    @functools.wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return function(*args, **kwargs)
        except audit.Tampered as error:
            raise LogUnavailable(f"the log is not whole: {error}", reason="log-tampered") from error
        except audit.LogError as error:
            raise LogUnavailable(str(error)) from error

    return call


def called(function: Callable[[], _R]) -> _R:
    """What it gives, once."""
    return mapped(function)()
