# PYTHON_ARGCOMPLETE_OK
"""The command line: nightjar <command>, or python -m pipeline <command>."""

import argparse
import json
import logging
import os
import shlex
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.command_line import parser, require_text
from pipeline.ground import nights, resources, shipped, terminal, zones
from pipeline.ground.errors import InputError, PipelineError
from pipeline.operations import stages
from pipeline.settings import layers
from pipeline.settings.config import Config
from pipeline.store import urls


def _load(args: argparse.Namespace) -> Config:
    from pipeline.sources import configuration

    overrides: dict[str, Any] = {}
    for text in args.set:
        overrides = layers.merge(overrides, layers.override(text))
    return configuration.load(args.config, overrides)


def _require_over(night: date, timezone: str) -> None:
    """Refuse a night whose day is not over; nothing that is computed depends on the clock."""
    nights.require_over(night, zones.today(timezone), timezone)


def _run(args: argparse.Namespace) -> None:
    from pipeline.operations import timings

    loaded = _load(args)
    if args.no_gate:
        loaded = loaded.model_copy(update={"evaluate": loaded.evaluate.model_copy(update={"block": False})})
    if args.at:
        return _run_so_far(args, loaded)
    chosen = nights.parse_nights(args.run_date)
    _require_over(chosen[-1], loaded.timezone)
    if args.with_history:
        terminal.say(_history_before(loaded, chosen[0]))
    for night in chosen:
        manifests = stages.run(night, loaded, args.stages, args.force)
        terminal.say(timings.table(manifests))


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


def _load_history(args: argparse.Namespace) -> None:
    last = nights.parse_nights(args.until)[0] if args.until else nights.parse_nights(args.before)[0] - timedelta(days=1)
    loaded = _load(args)
    _require_over(last, loaded.timezone)
    terminal.say(_history(loaded, last, args.force))


def _timings(args: argparse.Namespace) -> None:
    from pipeline.operations import timings

    terminal.say(timings.of_night(_load(args), nights.parse_nights(args.run_date)[0]))


def _rollback(args: argparse.Namespace) -> None:
    from pipeline.publication import publish

    terminal.say(f"active run is now {publish.rollback(_load(args), args.to).run_id}")


def _show(args: argparse.Namespace) -> None:
    from pipeline.operations import show

    loaded = _load(args)
    terminal.say(show.user(loaded, args.user, args.surface) if args.query is None else show.search(loaded, args.query))


def _explain(args: argparse.Namespace) -> None:
    from pipeline.operations import explain

    terminal.say(explain.item(_load(args), args.user, args.item, args.surface))


def _status(args: argparse.Namespace) -> None:
    from pipeline.operations import show

    terminal.say(show.status(_load(args)))


def _valid(args: argparse.Namespace) -> None:
    from pipeline.operations.monitoring import deadline

    loaded = _load(args)
    now = nights.parse_time(args.now, loaded.timezone) if args.now else zones.now(loaded.timezone)
    terminal.say(deadline.require(loaded, now, args.by))


def _metrics(args: argparse.Namespace) -> None:
    from pipeline.operations.monitoring import text, watching

    text.hand_over(text.exposition(watching.figures(_load(args), stages.STAGES)), args.out)


def _contract(args: argparse.Namespace) -> None:
    from pipeline.operations import contract
    from pipeline.operations.monitoring import text

    text.hand_over(contract.as_yaml(_load(args)), args.out)


def _export(args: argparse.Namespace) -> None:
    from pipeline.operations import export

    night = nights.parse_nights(args.run_date)[0] if args.run_date else None
    users = export.run(_load(args), args.surface, args.out, args.run_id, night)
    terminal.say(f"{users:,} users in {args.out}")


def _site(args: argparse.Namespace) -> None:
    from pipeline.operations import site

    terminal.say(site.run(_load(args), args.out, people=not args.no_people))


def _forget(args: argparse.Namespace) -> None:
    from pipeline.operations import forget, people
    from pipeline.privacy import receipts

    user_ids = [*args.user, *(people.listed(args.file) if args.file else [])]
    # A receipt says when somebody asked; nothing that is computed depends on it.
    asked = nights.parse_nights(args.asked)[0] if args.asked else datetime.now(UTC).date()
    for receipt in forget.forget(_load(args), user_ids, asked, args.also_in_text):
        terminal.say(receipts.describe(receipt))


def _prune(args: argparse.Namespace) -> None:
    from pipeline.operations import prune

    terminal.say(prune.describe(prune.prune(_load(args), args.keep_days, args.dry_run), args.dry_run))


def _tune(args: argparse.Namespace) -> None:
    from pipeline.operations import tune
    from pipeline.operations.tuning import space, trials

    loaded = _load(args)
    chosen = tuple(nights.parse_nights(night)[0] for night in args.nights)
    goal = trials.Goal(args.list, chosen, trials.pools_of(args.list, trials.asked_for(args.pools, loaded)))
    out = args.out or loaded.home / "tuned.toml"
    knobs = args.space or space.SHIPPED
    terminal.say(tune.run(loaded, goal, out, number=args.trials, knobs_from=knobs, minutes=args.minutes))


def _compare(args: argparse.Namespace) -> None:
    from pipeline.operations import compare

    loaded = _load(args)
    chosen = tuple(nights.parse_nights(night)[0] for night in args.nights)
    _require_over(max(chosen), loaded.timezone)
    terminal.say(compare.run(loaded, chosen, number=args.trials, out=args.out))


def _judge_policy(args: argparse.Namespace) -> None:
    from pipeline.operations import judge_policy
    from pipeline.publication.taught_rewards import Reward

    terminal.say(judge_policy.run(_load(args), args.run, args.nights, Reward(args.by, args.within)))


def _trial(args: argparse.Namespace) -> None:
    from pipeline.operations import trial

    terminal.say(trial.run(_load(args), args.by, args.within))


def _arms(args: argparse.Namespace) -> None:
    from pipeline.operations import arms

    loaded = _load(args)
    terminal.say(arms.end(loaded, args.end) if args.end else arms.show(loaded))


def _config(args: argparse.Namespace) -> None:
    terminal.say(json.dumps(_load(args).model_dump(mode="json"), indent=2))


def _init(args: argparse.Namespace) -> None:
    from pipeline.operations import init

    terminal.say(init.init(args.folder, args.log))


def _check(args: argparse.Namespace) -> None:
    from pipeline.operations import check

    checked = check.check(_load(args), args.rows)
    named = f" --config {shlex.quote(str(args.config))}" if args.config else ""
    terminal.say(check.as_json(checked) if args.json else check.described(checked, f"nightjar{named}"))
    if checked.problems:
        raise InputError(f"no night can run as it is: {checked.problems[0].splitlines()[0]}")


def _where(args: argparse.Namespace) -> None:
    terminal.say(shipped.folder(args.what))


ACTIONS = {
    "init": _init,
    "check": _check,
    "config": _config,
    "where": _where,
    "run": _run,
    "load-history": _load_history,
    "status": _status,
    "valid": _valid,
    "metrics": _metrics,
    "contract": _contract,
    "timings": _timings,
    "show": _show,
    "explain": _explain,
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


def _disk() -> Path:
    """The folder whose disk a command needs; of a home in an object store its copy's."""
    return urls.cache() if urls.is_url(home := os.environ.get("NIGHTJAR_HOME", ".")) else Path(home)


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        0, or 1 when the pipeline refused (its reason is printed).
    """
    top = parser()
    if "_ARGCOMPLETE" in os.environ:  # the shell asks what could come next
        import argcomplete

        argcomplete.autocomplete(top)
    args = top.parse_args(argv)
    level = logging.WARNING if args.quiet else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    terminal.guard_logs()
    try:
        require_text(args)
        with resources.required(args.command, _disk()):
            ACTIONS[args.command](args)
    except PipelineError as error:
        terminal.say(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of a pipe (head, less) went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
