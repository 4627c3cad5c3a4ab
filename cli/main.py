"""The command ``tariffbook``: the same use cases as the API, from a terminal on the machine that holds the database."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Final

import click

from pricing.errors import Problem

# Each command is imported when it is asked for: one that needs no database starts at once.
COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "serve": ("cli.serving", "serve"),
    "work": ("cli.work", "work"),
    "migrate": ("cli.instance", "migrate"),
    "clock": ("cli.instance", "clock"),
    "prune": ("cli.instance", "prune"),
    "partitions": ("cli.instance", "partitions"),
    "demo": ("cli.sample", "demo"),
    "keys": ("cli.keys", "keys"),
    "usage": ("cli.usage_import", "usage"),
    "costs": ("cli.costs", "costs"),
    "invoice": ("cli.money", "invoice"),
    "settle": ("cli.money", "settle"),
    "report": ("cli.reporting", "report"),
    "ledger": ("cli.books", "ledger"),
    "law": ("cli.law", "law"),
}


class _Commands(click.Group):
    """The commands by name, read from their modules as they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which one comes to need them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="tariffbook")
def commands() -> None:
    """Price, meter, bill and settle public data products. Settings come from TARIFFBOOK_… variables."""


def main() -> None:
    """Run the command line; a refusal ends in its sentence on stderr and exit code 1."""
    try:
        commands(standalone_mode=False)
    except Problem as problem:
        click.echo(f"{problem.code}: {problem.detail}", err=True)
        for field, messages in problem.errors.items():
            click.echo(f"  {field}: {'; '.join(messages)}", err=True)
        sys.exit(1)
    except click.ClickException as fault:
        fault.show()
        sys.exit(fault.exit_code)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
