"""Commands to begin with: a starter shop, a look at one's logs, the settings."""

import argparse
import json
import shlex
from pathlib import Path

from pipeline.commands.command import Command, loaded_by
from pipeline.ground import shipped, terminal
from pipeline.ground.errors import InputError


def _init_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", type=Path, metavar="FOLDER", help="new, or empty")
    command.add_argument(
        "--from",
        dest="log",
        type=Path,
        metavar="FILE",
        help="your log (CSV or JSON Lines, plain, .gz or .zst), whose columns are recognised by their names; or a "
        "schema that is known: personalize, ga4, segment, rectools",
    )


def _init(args: argparse.Namespace) -> None:
    from pipeline.operations import init

    terminal.say(init.init(args.folder, args.log))


def _check_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="for machines")
    command.add_argument(
        "--rows", type=int, default=150_000, metavar="N", help="of the log that are looked at, about; default: 150000"
    )


def _check(args: argparse.Namespace) -> None:
    from pipeline.operations import check

    checked = check.check(loaded_by(args), args.rows)
    named = f" --config {shlex.quote(str(args.config))}" if args.config else ""
    terminal.say(check.as_json(checked) if args.json else check.described(checked, f"nightjar{named}"))
    if checked.problems:
        raise InputError(f"no night can run as it is: {checked.problems[0].splitlines()[0]}")


def _config(args: argparse.Namespace) -> None:
    terminal.say(json.dumps(loaded_by(args).model_dump(mode="json"), indent=2))


def _where_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("what", choices=shipped.FOLDERS, help="dags: what AIRFLOW__CORE__DAGS_FOLDER is to be set to")


def _where(args: argparse.Namespace) -> None:
    terminal.say(shipped.folder(args.what))


COMMANDS = {
    "init": Command(
        "write a starter shop: for made-up logs, a file of your own, or a schema that is known", _init, _init_options
    ),
    "check": Command(
        "what a night would make of your logs, from a sample of them; writes nothing", _check, _check_options
    ),
    "config": Command("print the configuration in force, as JSON", _config),
    "where": Command("print the folder of the DAG files, or of the SQL", _where, _where_options),
}
"""By name."""
