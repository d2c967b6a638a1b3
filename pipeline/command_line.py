"""The commands and their options; what each of them does is in `pipeline.__main__`."""

import argparse
import sys
from pathlib import Path

from pipeline import __version__
from pipeline.ground import shipped
from pipeline.ground.errors import InputError
from pipeline.operations import stages

COMMANDS = {
    "begin": {
        "init": "write a starter shop: for made-up logs, a file of your own, or a schema that is known",
        "check": "what a night would make of your logs, from a sample of them; writes nothing",
        "config": "print the configuration in force, as JSON",
        "where": "print the folder of the DAG files, or of the SQL",
    },
    "nights": {
        "run": "run the stages of one night, or of a range of nights",
        "load-history": "write every past night's partition in one pass over the logs",
        "status": "the active run, its quality, the latest runs",
        "valid": "fail where the tables are not valid that are to be by now, for cron and probes",
        "timings": "where the time of a night went, stage by stage",
    },
    "tables": {
        "show": "what a user is recommended, and why; what a query is answered",
        "explain": "what a score is made of, and why an item is not shown",
        "site": "write a static site: quality over the nights, every user's lists, every item",
        "metrics": "figures about the tables and the nights, as Prometheus reads them",
        "contract": "what the tables hold and keep to, as an Open Data Contract (ODCS)",
        "export": "write one surface of a published run as JSON Lines",
        "rollback": "make the previously active run active again",
    },
    "upkeep": {
        "compare": "the published lists against simple ones, on nights of the past",
        "judge-policy": "a run's lists by the slots that earlier runs drew by chance, as they were logged",
        "trial": "what drawn slots added to what users did, against what the same draws withheld",
        "arms": "an experiment's arms of users, and what came of each",
        "tune": "look for better settings on nights of the past (Optuna)",
        "forget": "remove people from everything, for good, and write receipts",
        "prune": "remove old nights' features, models, lists and reports",
    },
}
"""Name and purpose of every command, by what it is about."""
EXAMPLES = """\
examples:
  %(prog)s init shop --from orders.csv
  %(prog)s --config shop/pipeline.toml run --run-date 2025-06-28 --with-history
  %(prog)s --config shop/pipeline.toml show --user 42

A command's own options: %(prog)s COMMAND --help
Completion in bash and zsh: eval "$(register-python-argcomplete nightjar)"
"""


def parser() -> argparse.ArgumentParser:
    """All commands; the chosen one's name is in `command`."""
    top = argparse.ArgumentParser(
        prog="python -m pipeline" if Path(sys.argv[0]).name == "__main__.py" else "nightjar",
        usage="%(prog)s [--config FILE] [--set SECTION.KEY=VALUE] [--quiet] COMMAND ...",
        description="Behaviour logs in, tomorrow's recommendation tables out.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="TOML file; default: $NIGHTJAR_CONFIG, else pipeline.toml here, else a checkout's example shop",
    )
    top.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="override one setting")
    top.add_argument("--quiet", action="store_true", help="warnings and results only")
    top.add_argument("--version", action="version", version=f"nightjar {__version__}")
    commands = top.add_subparsers(
        prog=top.prog,
        dest="command",
        required=True,
        metavar="COMMAND",
        title="commands",
        description=_listed(),
        help=argparse.SUPPRESS,  # the description lists them by group
    )
    for group in COMMANDS.values():
        for name, purpose in group.items():
            command = commands.add_parser(name, description=purpose[0].upper() + purpose[1:] + ".")
            if options := OPTIONS.get(name):
                options(command)
    return top


def require_text(args: argparse.Namespace) -> None:
    """Refuse what a shell handed over that is no text: ids and queries are UTF-8, and nothing would find them.

    Raises:
        InputError: names the option and the byte.
    """
    for name, given in vars(args).items():
        for text in given if isinstance(given, list) else [given]:
            raw = next((c for c in text if "\udc80" <= c <= "\udcff"), None) if isinstance(text, str) else None
            if raw is not None:
                raise InputError(
                    f"--{name.replace('_', '-')} is not UTF-8: byte 0x{ord(raw) - 0xDC00:02x} is no character of it"
                )


def _listed() -> str:
    """The commands as the help shows them, group by group."""
    lines = [
        f"{title if first else '':8}{name:14}{purpose}"
        for title, group in COMMANDS.items()
        for first, (name, purpose) in zip([True, *[False] * len(group)], group.items(), strict=False)
    ]
    return "\n".join(lines)


def _init(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", type=Path, metavar="FOLDER", help="new, or empty")
    command.add_argument(
        "--from",
        dest="log",
        type=Path,
        metavar="FILE",
        help="your log (CSV or JSON Lines, plain, .gz or .zst), whose columns are recognised by their names; or a "
        "schema that is known: personalize, ga4, segment, rectools",
    )


def _check(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="for machines")
    command.add_argument(
        "--rows", type=int, default=150_000, metavar="N", help="of the log that are looked at, about; default: 150000"
    )


def _where(command: argparse.ArgumentParser) -> None:
    command.add_argument("what", choices=shipped.FOLDERS, help="dags: what AIRFLOW__CORE__DAGS_FOLDER is to be set to")


def _run(command: argparse.ArgumentParser) -> None:
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument("--run-date", metavar="DATE", help="the complete day's date, or FIRST..LAST")
    which.add_argument(
        "--at",
        metavar="MOMENT",
        help="a day that is not over, as far as it came: 2025-06-29T14:00, the shop's time",
    )
    command.add_argument("--with-history", action="store_true", help="first load the nights before it, if they are not")
    command.add_argument(
        "--stages", nargs="*", default=[], metavar="STAGE", help=f"default: all ({', '.join(stages.STAGES)})"
    )
    command.add_argument("--force", action="store_true", help="run even what is up to date")
    command.add_argument("--no-gate", action="store_true", help="publish even if the gate would block")


def _load_history(command: argparse.ArgumentParser) -> None:
    last = command.add_mutually_exclusive_group(required=True)
    last.add_argument("--until", metavar="DATE", help="the last night to load")
    last.add_argument("--before", metavar="DATE", help="load the nights before this one")
    command.add_argument("--force", action="store_true", help="load again what is loaded")


def _timings(command: argparse.ArgumentParser) -> None:
    command.add_argument("--run-date", required=True, metavar="DATE", help="the night")


def _show(command: argparse.ArgumentParser) -> None:
    about = command.add_mutually_exclusive_group(required=True)
    about.add_argument("--user", metavar="ID", help="a user's lists, with reasons")
    about.add_argument("--query", metavar="TEXT", help="what people who search for it are shown")
    command.add_argument("--surface", help="only this list")


def _explain(command: argparse.ArgumentParser) -> None:
    command.add_argument("--user", required=True, metavar="ID", help="the user")
    command.add_argument("--item", required=True, metavar="ID", help="the item, whether it is shown or not")
    command.add_argument("--surface", help="only this list")


def _valid(command: argparse.ArgumentParser) -> None:
    command.add_argument("--by", metavar="HH:MM", help="a time of the shop's day; default: monitoring.valid_by")
    command.add_argument("--now", metavar="MOMENT", help="instead of the clock's: 2025-06-29T06:30, the shop's time")


def _out(command: argparse.ArgumentParser) -> None:
    command.add_argument("--out", type=Path, metavar="FILE", help="replaced when it is whole; default: print it")


def _export(command: argparse.ArgumentParser) -> None:
    command.add_argument("--surface", required=True, help="the list")
    which = command.add_mutually_exclusive_group()
    which.add_argument("--run-id", help="this run instead of the active one")
    which.add_argument("--run-date", metavar="DATE", help="the run of this night that was published last")
    command.add_argument("--out", required=True, type=Path, metavar="FILE", help="replaced when the export is whole")


def _site(command: argparse.ArgumentParser) -> None:
    command.add_argument("--out", type=Path, metavar="FOLDER", help="new, empty, or a site; default: HOME/site")
    command.add_argument("--no-people", action="store_true", help="write nothing that has a user's id")


def _rollback(command: argparse.ArgumentParser) -> None:
    command.add_argument("--to", metavar="RUN_ID", help="this run instead of the previous one")


def _tune(command: argparse.ArgumentParser) -> None:
    command.add_argument("--nights", nargs="+", required=True, metavar="DATE", help="nights to judge on")
    command.add_argument("--list", default="final", help="the list to make better; default: final, the published one")
    command.add_argument("--pools", nargs="+", metavar="POOL", help="default: all that surfaces draw on")
    command.add_argument("--trials", type=int, default=30, metavar="N", help="in total; default: 30")
    command.add_argument("--minutes", type=float, metavar="M", help="begin no trial after this time")
    command.add_argument("--space", type=Path, metavar="FILE", help="what may be tried; default: the shipped TOML")
    command.add_argument("--out", type=Path, metavar="FILE", help="default: HOME/tuned.toml")


def _compare(command: argparse.ArgumentParser) -> None:
    command.add_argument("--nights", nargs="+", required=True, metavar="DATE", help="nights to judge on")
    command.add_argument(
        "--trials", type=int, default=4, metavar="N", help="settings that each simple list may try; default: 4; 0: none"
    )
    command.add_argument("--out", type=Path, metavar="FILE", help="the tables as Markdown too")


def _number(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return int(text)


def _judge_policy(command: argparse.ArgumentParser) -> None:
    command.add_argument("--run", metavar="RUN_ID", help="default: the active one")
    command.add_argument("--nights", type=_number, default=28, metavar="N", help="of the log, the last; default: 28")
    command.add_argument(
        "--by",
        choices=["clicks", "actions", "visits"],
        default="clicks",
        help="what a slot is worth: a click, what the user then acted on, or days on which the user came back",
    )
    command.add_argument("--within", type=_number, default=7, metavar="DAYS", help="of actions and visits; default: 7")


def _trial(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--by",
        choices=["actions", "clicks", "visits"],
        default="actions",
        help="what counts: that the user acted on the item, or clicked it, or on how many days the user came back",
    )
    command.add_argument(
        "--within", type=_number, default=7, metavar="DAYS", help="of the list's first day; default: 7"
    )


def _arms(command: argparse.ArgumentParser) -> None:
    command.add_argument("--end", metavar="ARM", help="print what the shop's file must say to end it with this arm")


def _forget(command: argparse.ArgumentParser) -> None:
    who = command.add_mutually_exclusive_group(required=True)
    who.add_argument(
        "--user", nargs="+", default=[], metavar="ID", help="their ids (--user=-x for an id that begins with a dash)"
    )
    who.add_argument("--file", type=Path, help="one id per line; - is the standard input")
    command.add_argument("--asked", metavar="DATE", help="the day they asked, for the receipt; default: today")
    command.add_argument(
        "--also-in-text", action="store_true", help="take their ids out of other people's texts too (else: count them)"
    )


def _prune(command: argparse.ArgumentParser) -> None:
    command.add_argument("--keep-days", type=int, metavar="N", help="default: retention.artifact_days")
    command.add_argument("--dry-run", action="store_true", help="only say what would be removed")


OPTIONS = {
    "init": _init,
    "check": _check,
    "where": _where,
    "run": _run,
    "load-history": _load_history,
    "valid": _valid,
    "timings": _timings,
    "show": _show,
    "explain": _explain,
    "metrics": _out,
    "contract": _out,
    "export": _export,
    "site": _site,
    "rollback": _rollback,
    "compare": _compare,
    "judge-policy": _judge_policy,
    "trial": _trial,
    "arms": _arms,
    "tune": _tune,
    "forget": _forget,
    "prune": _prune,
}
"""What a command can be told; those that are not here take nothing."""
