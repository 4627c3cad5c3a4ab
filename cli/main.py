"""The command ``tariffbook``: the same use cases as the API, from a terminal on the machine that holds the database."""

from __future__ import annotations

import sys

import click

from cli import books, instance, keys, law, money, reporting, sample, serving
from cli.usage_import import usage
from pricing.errors import Problem


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="tariffbook")
def commands() -> None:
    """Price, meter, bill and settle public data products. Settings come from TARIFFBOOK_… variables."""


for _command in (
    serving.serve,
    instance.migrate,
    instance.clock,
    instance.prune,
    sample.demo,
    keys.keys,
    usage,
    money.invoice,
    money.settle,
    reporting.report,
    books.ledger,
    law.law,
):
    commands.add_command(_command)


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
