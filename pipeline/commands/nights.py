"""Commands about nights: run them, and what became of them."""

import argparse
from datetime import date, timedelta

from pipeline.commands.command import Command, loaded_by, require_over
from pipeline.ground import nights, terminal, zones
from pipeline.operations import stages
from pipeline.settings.config import Config


def _run_options(command: argparse.ArgumentParser) -> None:
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


def _run(args: argparse.Namespace) -> None:
    from pipeline.operations import timings

    loaded = loaded_by(args)
    if args.no_gate:
        loaded = loaded.model_copy(update={"evaluate": loaded.evaluate.model_copy(update={"block": False})})
    if args.at:
        return _run_so_far(args, loaded)
    chosen = nights.parse_nights(args.run_date)
    require_over(chosen[-1], loaded.timezone)
    if args.with_history:
        terminal.say(_history_before(loaded, chosen[0]))
    for night in chosen:
        manifests = stages.run(night, loaded, args.stages, args.force)
        terminal.say(timings.table(manifests))


def _load_history_options(command: argparse.ArgumentParser) -> None:
    last = command.add_mutually_exclusive_group(required=True)
    last.add_argument("--until", metavar="DATE", help="the last night to load")
    last.add_argument("--before", metavar="DATE", help="load the nights before this one")
    command.add_argument("--force", action="store_true", help="load again what is loaded")


def _load_history(args: argparse.Namespace) -> None:
    last = nights.parse_nights(args.until)[0] if args.until else nights.parse_nights(args.before)[0] - timedelta(days=1)
    loaded = loaded_by(args)
    require_over(last, loaded.timezone)
    terminal.say(_history(loaded, last, args.force))


def _status(args: argparse.Namespace) -> None:
    from pipeline.operations import show

    terminal.say(show.status(loaded_by(args)))


def _valid_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--by", metavar="HH:MM", help="a time of the shop's day; default: monitoring.valid_by")
    command.add_argument("--now", metavar="MOMENT", help="instead of the clock's: 2025-06-29T06:30, the shop's time")


def _valid(args: argparse.Namespace) -> None:
    from pipeline.operations.monitoring import deadline

    loaded = loaded_by(args)
    now = nights.parse_time(args.now, loaded.timezone) if args.now else zones.now(loaded.timezone)
    terminal.say(deadline.require(loaded, now, args.by))


def _timings_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--run-date", required=True, metavar="DATE", help="the night")


def _timings(args: argparse.Namespace) -> None:
    from pipeline.operations import timings

    terminal.say(timings.of_night(loaded_by(args), nights.parse_nights(args.run_date)[0]))


def _run_so_far(args: argparse.Namespace, loaded: Config) -> None:
    from pipeline.operations import day_so_far, timings

    until = nights.parse_moment(args.at, loaded.timezone)
    nights.require_past(until, zones.now(loaded.timezone))
    if args.with_history:
        terminal.say(_history_before(loaded, until.date()))
    terminal.say(timings.table(day_so_far.run(until, loaded, args.stages, args.force)))


def _history_before(loaded: Config, night: date) -> str:
    """Load the nights before one, unless they are, or there are none; says what was done."""
    from pipeline.operations import load_history

    try:
        return _history(loaded, night - timedelta(days=1))
    except load_history.NoHistoryError:
        return f"no log row arrived before {night}, which is the first night"


def _history(loaded: Config, last: date, force: bool = False) -> str:
    """Load the nights up to `last`, unless they are; says what was done."""
    from pipeline.intake import known_types
    from pipeline.operations import load_history

    if not force and load_history.is_loaded(loaded, last):
        said = f"history is loaded up to {last}: {loaded.lake / 'ingest'} (load-history --force loads it again)"
        return "\n".join([said, *known_types.told(loaded)])
    return load_history.load_history(loaded, until=last)


COMMANDS = {
    "run": Command("run the stages of one night, or of a range of nights", _run, _run_options),
    "load-history": Command(
        "write every past night's partition in one pass over the logs", _load_history, _load_history_options
    ),
    "status": Command("the active run, its quality, the latest runs", _status),
    "valid": Command(
        "fail where the tables are not valid that are to be by now, for cron and probes", _valid, _valid_options
    ),
    "timings": Command("where the time of a night went, stage by stage", _timings, _timings_options),
}
"""By name."""
