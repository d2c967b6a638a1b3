"""The command line: python -m pipeline <command>."""

import argparse
import json
import logging
import os
import sys
import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.ground import nights
from pipeline.ground.errors import InputError, PipelineError
from pipeline.operations import stages
from pipeline.settings import layers
from pipeline.settings.config import Config


def _override(text: str) -> dict[str, Any]:
    """ "als.factors=64" as {"als": {"factors": 64}}; the value is TOML, else a string."""
    path, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"--set {text!r}: write it as section.key=value")
    try:
        nested: Any = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        nested = value
    for key in reversed(path.strip().split(".")):
        nested = {key: nested}
    return dict(nested)


def _load(args: argparse.Namespace) -> Config:
    from pipeline.sources import configuration

    overrides: dict[str, Any] = {}
    for text in args.set:
        overrides = layers.merge(overrides, _override(text))
    return configuration.load(args.config, overrides)


def _require_over(night: date) -> None:
    """Refuse a night whose day is not over; nothing that is computed depends on the clock."""
    nights.require_over(night, datetime.now(UTC).date())


def _run(args: argparse.Namespace) -> None:
    from pipeline.operations import timings

    chosen = nights.parse_nights(args.run_date)
    _require_over(chosen[-1])
    loaded = _load(args)
    if args.no_gate:
        loaded = loaded.model_copy(update={"evaluate": loaded.evaluate.model_copy(update={"block": False})})
    for night in chosen:
        manifests = stages.run(night, loaded, args.stages, args.force)
        print(timings.table(manifests))


def _load_history(args: argparse.Namespace) -> None:
    from pipeline.operations import load_history

    last = nights.parse_nights(args.until)[0] if args.until else nights.parse_nights(args.before)[0] - timedelta(days=1)
    _require_over(last)
    loaded = _load(args)
    if not args.force and load_history.is_loaded(loaded, last):
        print(f"history is loaded up to {last}: {loaded.lake / 'ingest'} (--force loads it again)")
    else:
        print(load_history.load_history(loaded, until=last))


def _timings(args: argparse.Namespace) -> None:
    from pipeline.operations import timings

    print(timings.of_night(_load(args), nights.parse_nights(args.run_date)[0]))


def _rollback(args: argparse.Namespace) -> None:
    from pipeline.publication import publish

    print(f"active run is now {publish.rollback(_load(args), args.to).run_id}")


def _show(args: argparse.Namespace) -> None:
    from pipeline.operations import show

    found = (
        show.user(_load(args), args.user, args.surface)
        if args.search is None
        else show.search(_load(args), args.search)
    )
    print(found)


def _status(args: argparse.Namespace) -> None:
    from pipeline.operations import show

    print(show.status(_load(args)))


def _export(args: argparse.Namespace) -> None:
    from pipeline.operations import export

    night = nights.parse_nights(args.run_date)[0] if args.run_date else None
    users = export.run(_load(args), args.surface, args.out, args.run_id, night)
    print(f"{users:,} users in {args.out}")


def _forget(args: argparse.Namespace) -> None:
    from pipeline.operations import forget
    from pipeline.privacy import receipts

    user_ids = list(args.user)
    if args.file:
        try:
            text = sys.stdin.read() if str(args.file) == "-" else args.file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{args.file} cannot be read: {error}") from None
        user_ids += text.splitlines()
    # A receipt says when somebody asked; nothing that is computed depends on it.
    asked = nights.parse_nights(args.asked)[0] if args.asked else datetime.now(UTC).date()
    for receipt in forget.forget(_load(args), user_ids, asked):
        print(receipts.describe(receipt))


def _prune(args: argparse.Namespace) -> None:
    from pipeline.operations import prune

    print(prune.describe(prune.prune(_load(args), args.keep_days, args.dry_run), args.dry_run))


def _search(args: argparse.Namespace) -> None:
    from pipeline.operations import tune
    from pipeline.operations.tuning import space, trials

    loaded = _load(args)
    chosen = tuple(nights.parse_nights(night)[0] for night in args.nights)
    goal = trials.Goal(args.list, chosen, trials.pools_of(args.list, args.pools))
    out = args.out or loaded.home / "tuned.toml"
    knobs = args.space or space.SHIPPED
    print(tune.run(loaded, goal, out, number=args.trials, knobs_from=knobs, minutes=args.minutes))


def _config(args: argparse.Namespace) -> None:
    print(json.dumps(_load(args).model_dump(mode="json"), indent=2))


def _add_search(commands: Any) -> None:
    search = commands.add_parser("search", help="look for better settings on nights of the past (Optuna)")
    search.add_argument("--nights", nargs="+", required=True, metavar="DATE", help="nights to judge on")
    search.add_argument("--list", default="final", help="the list to make better; default: final, the published one")
    search.add_argument("--pools", nargs="+", default=["all", "new"], choices=["all", "new"], help="default: both")
    search.add_argument("--trials", type=int, default=30, metavar="N", help="in total; default: 30")
    search.add_argument("--minutes", type=float, metavar="M", help="begin no trial after this time")
    search.add_argument("--space", type=Path, metavar="FILE", help="what may be tried; default: the shipped TOML")
    search.add_argument("--out", type=Path, metavar="FILE", help="default: HOME/tuned.toml")
    search.set_defaults(action=_search)


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(prog="python -m pipeline", description="Logs in, tomorrow's recommendations out.")
    top.add_argument("--config", type=Path, help="TOML file; default: $NIGHTJAR_CONFIG, else the example shop")
    top.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="override one setting")
    top.add_argument("--quiet", action="store_true", help="warnings and results only")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")

    run = commands.add_parser("run", help="run the stages of one night, or of a range of nights")
    run.add_argument("--run-date", required=True, help="the day whose events are complete, or FIRST..LAST")
    run.add_argument(
        "--stages", nargs="*", default=[], metavar="STAGE", help=f"default: all ({', '.join(stages.STAGES)})"
    )
    run.add_argument("--force", action="store_true", help="run even what is up to date")
    run.add_argument("--no-gate", action="store_true", help="publish even if the gate would block")
    run.set_defaults(action=_run)

    history = commands.add_parser("load-history", help="write every past night's partition in one pass over the logs")
    last = history.add_mutually_exclusive_group(required=True)
    last.add_argument("--until", metavar="DATE", help="the last night to load")
    last.add_argument("--before", metavar="DATE", help="load the nights before this one")
    history.add_argument("--force", action="store_true", help="load again what is loaded")
    history.set_defaults(action=_load_history)

    timing = commands.add_parser("timings", help="where the time of a night went, stage by stage")
    timing.add_argument("--run-date", required=True)
    timing.set_defaults(action=_timings)

    rollback = commands.add_parser("rollback", help="make the previously active run active again")
    rollback.add_argument("--to", metavar="RUN_ID", help="this run instead of the previous one")
    rollback.set_defaults(action=_rollback)

    show = commands.add_parser("show", help="what a user is recommended, and why; what a query is answered")
    about = show.add_mutually_exclusive_group(required=True)
    about.add_argument("--user", metavar="ID")
    about.add_argument("--search", metavar="QUERY", help="what people who search for it are shown")
    show.add_argument("--surface", help="only this list")
    show.set_defaults(action=_show)

    export = commands.add_parser("export", help="write one surface of a published run as JSON Lines")
    export.add_argument("--surface", required=True, help="the list")
    which = export.add_mutually_exclusive_group()
    which.add_argument("--run-id", help="this run instead of the active one")
    which.add_argument("--run-date", metavar="DATE", help="the run of this night that was published last")
    export.add_argument("--out", required=True, type=Path, metavar="FILE", help="replaced when the export is whole")
    export.set_defaults(action=_export)

    forget = commands.add_parser("forget", help="remove people from everything, for good, and write receipts")
    who = forget.add_mutually_exclusive_group(required=True)
    who.add_argument(
        "--user", nargs="+", default=[], metavar="ID", help="their ids (--user=-x for an id that begins with a dash)"
    )
    who.add_argument("--file", type=Path, help="one id per line; - is the standard input")
    forget.add_argument("--asked", metavar="DATE", help="the day they asked, for the receipt; default: today")
    forget.set_defaults(action=_forget)

    prune = commands.add_parser("prune", help="remove old nights' features, models, lists and reports")
    prune.add_argument("--keep-days", type=int, metavar="N", help="default: retention.artifact_days")
    prune.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    prune.set_defaults(action=_prune)

    _add_search(commands)
    commands.add_parser("status", help="the active run, its quality, the latest runs").set_defaults(action=_status)
    commands.add_parser("config", help="the configuration in force, as JSON").set_defaults(action=_config)
    return top


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        0, or 1 when the pipeline refused (its reason is printed).
    """
    args = parser().parse_args(argv)
    level = logging.WARNING if args.quiet else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        args.action(args)
    except PipelineError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of a pipe (head, less) went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
