"""`accordant`: one group of commands; every error becomes one line and an exit code, never a traceback.

Exit codes (interfaces): 0 done, 1 the answer is no, 2 the input is wrong, 3 a part that is needed is unavailable.
Data goes to standard output, words to standard error.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

import click

from governance.errors import AccordantError, DocumentWrong, InputWrong, NotAuthentic, Refused, Unavailable

__all__ = ["cli", "exit_code", "main"]

# Command modules are imported only when one of their commands is called: `accordant mou check` needs no server.
_COMMANDS = {
    "mou": "governance.commands.mou",
    "key": "governance.commands.key",
    "init": "governance.commands.home",
    "serve": "governance.commands.home",
    "settings": "governance.commands.home",
    "doctor": "governance.commands.doctor",
    "backup": "governance.commands.keeping",
    "restore": "governance.commands.keeping",
    "upgrade": "governance.commands.keeping",
    "demo": "governance.commands.demo",
    "request": "governance.commands.request",
    "source": "governance.commands.source",
    "consent": "governance.commands.consent",
    "subject": "governance.commands.subject",
    "review": "governance.commands.review",
    "duty": "governance.commands.review",
    "audit": "governance.commands.audit",
    "evidence": "governance.commands.evidence",
    "console": "governance.commands.console",
}


class _Lazy(click.Group):
    """Looks commands up in `_COMMANDS` and imports their module at the last moment."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 click's
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        command = getattr(importlib.import_module(module), cmd_name)
        return command if isinstance(command, click.Command) else None


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="accordant", prog_name="accordant")
def cli() -> None:
    """The MOU that partners sign is the program that runs.

    \b
    Example:
      accordant mou check partners.mou.yaml
    """


def exit_code(error: AccordantError) -> int:
    """The exit code that an error stands for."""
    if isinstance(error, Unavailable):
        return 3
    if isinstance(error, Refused | NotAuthentic):
        return 1
    return 2


def main(args: Sequence[str] | None = None) -> None:
    """The console script. `args` without the program's name; by default the process's."""
    try:
        result = cli.main(args=list(args) if args is not None else None, prog_name="accordant", standalone_mode=False)
        code = result if isinstance(result, int) else 0
    except click.exceptions.Abort:
        click.echo("accordant: stopped", err=True)
        code = 130
    except click.ClickException as error:
        click.echo(f"accordant: {error.format_message()}", err=True)
        code = 2
    except DocumentWrong as error:
        for fault in error.faults:
            click.echo(str(fault), err=True)
        code = 2
    except AccordantError as error:
        field = f"`{error.field}`: " if isinstance(error, InputWrong) and error.field else ""
        click.echo(f"accordant: {field}{error.detail}", err=True)
        code = exit_code(error)
    except BrokenPipeError:
        # The reader went away (`| head`); what was asked for was done.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except UnicodeError:
        click.echo("accordant: the input is not text in UTF-8", err=True)
        code = 2
    except (FileNotFoundError, IsADirectoryError, PermissionError, NotADirectoryError) as error:
        click.echo(f"accordant: {error.filename}: {(error.strerror or 'cannot be read').lower()}", err=True)
        code = 2
    except Exception as error:
        if os.environ.get("ACCORDANT_TRACEBACK"):
            raise
        # Nobody foresaw it, so nobody wrote a better sentence; the engineer who mends it wants the rest.
        click.echo(f"accordant: unforeseen: {type(error).__name__} (ACCORDANT_TRACEBACK=1 shows where)", err=True)
        code = 3
    sys.exit(code)


if __name__ == "__main__":
    main()
