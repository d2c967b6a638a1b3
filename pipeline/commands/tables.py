"""Commands about the published tables."""

import argparse
from pathlib import Path

from pipeline.commands.command import Command, loaded_by
from pipeline.ground import nights, terminal
from pipeline.operations import stages


def _show_options(command: argparse.ArgumentParser) -> None:
    about = command.add_mutually_exclusive_group(required=True)
    about.add_argument("--user", metavar="ID", help="a user's lists, with reasons")
    about.add_argument("--query", metavar="TEXT", help="what people who search for it are shown")
    command.add_argument("--surface", help="only this list")


def _show(args: argparse.Namespace) -> None:
    from pipeline.operations import show

    loaded = loaded_by(args)
    terminal.say(show.user(loaded, args.user, args.surface) if args.query is None else show.search(loaded, args.query))


def _explain_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--user", required=True, metavar="ID", help="the user")
    command.add_argument("--item", required=True, metavar="ID", help="the item, whether it is shown or not")
    command.add_argument("--surface", help="only this list")


def _explain(args: argparse.Namespace) -> None:
    from pipeline.operations import explain

    terminal.say(explain.item(loaded_by(args), args.user, args.item, args.surface))


def _site_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--out", type=Path, metavar="FOLDER", help="new, empty, or a site; default: HOME/site")
    command.add_argument("--no-people", action="store_true", help="write nothing that has a user's id")


def _site(args: argparse.Namespace) -> None:
    from pipeline.operations import site

    terminal.say(site.run(loaded_by(args), args.out, people=not args.no_people))


def _out_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--out", type=Path, metavar="FILE", help="replaced when it is whole; default: print it")


def _metrics(args: argparse.Namespace) -> None:
    from pipeline.operations.monitoring import text, watching

    text.hand_over(text.exposition(watching.figures(loaded_by(args), stages.STAGES)), args.out)


def _contract(args: argparse.Namespace) -> None:
    from pipeline.operations import contract
    from pipeline.operations.monitoring import text

    text.hand_over(contract.as_yaml(loaded_by(args)), args.out)


def _export_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--surface", required=True, help="the list")
    which = command.add_mutually_exclusive_group()
    which.add_argument("--run-id", help="this run instead of the active one")
    which.add_argument("--run-date", metavar="DATE", help="the run of this night that was published last")
    command.add_argument("--out", required=True, type=Path, metavar="FILE", help="replaced when the export is whole")


def _export(args: argparse.Namespace) -> None:
    from pipeline.operations import export

    night = nights.parse_nights(args.run_date)[0] if args.run_date else None
    users = export.run(loaded_by(args), args.surface, args.out, args.run_id, night)
    terminal.say(f"{users:,} users in {args.out}")


def _rollback_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--to", metavar="RUN_ID", help="this run instead of the previous one")


def _rollback(args: argparse.Namespace) -> None:
    from pipeline.publication import publish

    terminal.say(f"active run is now {publish.rollback(loaded_by(args), args.to).run_id}")


def _verify_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--signed-by", metavar="KEY", help="the public key that every line is to be signed with")
    command.add_argument("--head", metavar="HASH", help="of a line that is to be there, as an earlier call told it")


def _verify(args: argparse.Namespace) -> None:
    from pipeline.operations import verify

    terminal.say(verify.run(loaded_by(args), args.signed_by, args.head))


COMMANDS = {
    "show": Command("what a user is recommended, and why; what a query is answered", _show, _show_options),
    "explain": Command("what a score is made of, and why an item is not shown", _explain, _explain_options),
    "site": Command(
        "write a static site: quality over the nights, every user's lists, every item", _site, _site_options
    ),
    "metrics": Command("figures about the tables and the nights, as Prometheus reads them", _metrics, _out_options),
    "contract": Command("what the tables hold and keep to, as an Open Data Contract (ODCS)", _contract, _out_options),
    "export": Command("write one surface of a published run as JSON Lines", _export, _export_options),
    "verify": Command("whether the tables are what was published: ledger, files, every row", _verify, _verify_options),
    "rollback": Command("make the previously active run active again", _rollback, _rollback_options),
}
"""By name."""
