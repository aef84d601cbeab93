"""Where rows are read from. Accepts governed queries only; sees model, ports and errors."""

from __future__ import annotations

from connectors.sources.check import check
from connectors.sources.load import LoadReport, load
from connectors.sources.mapping import Mapping, Place, propose, read, to_yaml
from connectors.sources.sql import SqlSource
from connectors.sources.tabular import TabularSource

__all__ = [
    "LoadReport",
    "Mapping",
    "Place",
    "SqlSource",
    "TabularSource",
    "check",
    "load",
    "propose",
    "read",
    "to_yaml",
]
