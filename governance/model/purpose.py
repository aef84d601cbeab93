"""Purposes: a forest, after the W3C Data Privacy Vocabulary (DPV), in which each may name a broader one."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from governance.model.names import Slug, Words

__all__ = ["Purpose"]


class Purpose(BaseModel):
    """A node of the forest. `dpv` makes purposes of different MOUs the same (`dpv:ResearchAndDevelopment`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    title: Words
    broader: Slug | None = None
    dpv: str | None = Field(default=None, min_length=1, max_length=200, pattern=r"^\S+$")
