"""`accordant mou`: documents (pure), their policies (pure), and their life (over HTTP), one file each."""

from __future__ import annotations

import importlib

import click

__all__ = ["mou"]

_PARTS = {
    "new": "mou_documents",
    "check": "mou_documents",
    "text": "mou_documents",
    "compile": "mou_policies",
    "decide": "mou_policies",
    "propose": "mou_life",
    "amend": "mou_life",
    "show": "mou_life",
    "sign": "mou_life",
    "decline": "mou_life",
    "withdraw": "mou_life",
    "status": "mou_life",
}


class _Parts(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's signature
        return list(_PARTS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 click's
        if cmd_name not in _PARTS:
            return None
        module = importlib.import_module(f"governance.commands.{_PARTS[cmd_name]}")
        command = getattr(module, cmd_name)
        return command if isinstance(command, click.Command) else None


@click.group(cls=_Parts)
def mou() -> None:
    """Documents: write, check, read, compile, decide, sign.

    \b
    Example:
      accordant mou new benchmarking -o partners.mou.yaml
    """
