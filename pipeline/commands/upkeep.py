"""Commands for upkeep: judging, searching for settings, removing."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from pipeline.commands.command import Command, loaded_by, require_over
from pipeline.ground import nights, terminal


def _number(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return int(text)


def _compare_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--nights", nargs="+", required=True, metavar="DATE", help="nights to judge on")
    command.add_argument(
        "--trials", type=int, default=4, metavar="N", help="settings that each simple list may try; default: 4; 0: none"
    )
    command.add_argument("--out", type=Path, metavar="FILE", help="the tables as Markdown too")


def _compare(args: argparse.Namespace) -> None:
    from pipeline.operations import compare

    loaded = loaded_by(args)
    chosen = tuple(nights.parse_nights(night)[0] for night in args.nights)
    require_over(max(chosen), loaded.timezone)
    terminal.say(compare.run(loaded, chosen, number=args.trials, out=args.out))


def _judge_policy_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--run", metavar="RUN_ID", help="default: the active one")
    command.add_argument("--nights", type=_number, default=28, metavar="N", help="of the log, the last; default: 28")
    command.add_argument(
        "--by",
        choices=["clicks", "actions", "visits"],
        default="clicks",
        help="what a slot is worth: a click, what the user then acted on, or days on which the user came back",
    )
    command.add_argument("--within", type=_number, default=7, metavar="DAYS", help="of actions and visits; default: 7")


def _judge_policy(args: argparse.Namespace) -> None:
    from pipeline.operations import judge_policy
    from pipeline.publication.taught_rewards import Reward

    terminal.say(judge_policy.run(loaded_by(args), args.run, args.nights, Reward(args.by, args.within)))


def _trial_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--by",
        choices=["actions", "clicks", "visits"],
        default="actions",
        help="what counts: that the user acted on the item, or clicked it, or on how many days the user came back",
    )
    command.add_argument(
        "--within", type=_number, default=7, metavar="DAYS", help="of the list's first day; default: 7"
    )


def _trial(args: argparse.Namespace) -> None:
    from pipeline.operations import trial

    terminal.say(trial.run(loaded_by(args), args.by, args.within))


def _arms_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--end", metavar="ARM", help="print what the shop's file must say to end it with this arm")


def _arms(args: argparse.Namespace) -> None:
    from pipeline.operations import arms

    loaded = loaded_by(args)
    terminal.say(arms.end(loaded, args.end) if args.end else arms.show(loaded))


def _tune_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--nights", nargs="+", required=True, metavar="DATE", help="nights to judge on")
    command.add_argument("--list", default="final", help="the list to make better; default: final, the published one")
    command.add_argument("--pools", nargs="+", metavar="POOL", help="default: all that surfaces draw on")
    command.add_argument("--trials", type=int, default=30, metavar="N", help="in total; default: 30")
    command.add_argument("--minutes", type=float, metavar="M", help="begin no trial after this time")
    command.add_argument("--space", type=Path, metavar="FILE", help="what may be tried; default: the shipped TOML")
    command.add_argument("--out", type=Path, metavar="FILE", help="default: HOME/tuned.toml")


def _tune(args: argparse.Namespace) -> None:
    from pipeline.operations import tune
    from pipeline.operations.tuning import space, trials

    loaded = loaded_by(args)
    chosen = tuple(nights.parse_nights(night)[0] for night in args.nights)
    goal = trials.Goal(args.list, chosen, trials.pools_of(args.list, trials.asked_for(args.pools, loaded)))
    out = args.out or loaded.home / "tuned.toml"
    knobs = args.space or space.SHIPPED
    terminal.say(tune.run(loaded, goal, out, number=args.trials, knobs_from=knobs, minutes=args.minutes))


def _forget_options(command: argparse.ArgumentParser) -> None:
    who = command.add_mutually_exclusive_group(required=True)
    who.add_argument(
        "--user", nargs="+", default=[], metavar="ID", help="their ids (--user=-x for an id that begins with a dash)"
    )
    who.add_argument("--file", type=Path, help="one id per line; - is the standard input")
    command.add_argument("--asked", metavar="DATE", help="the day they asked, for the receipt; default: today")
    command.add_argument(
        "--also-in-text", action="store_true", help="take their ids out of other people's texts too (else: count them)"
    )


def _forget(args: argparse.Namespace) -> None:
    from pipeline.operations import forget, people
    from pipeline.privacy import receipts

    user_ids = [*args.user, *(people.listed(args.file) if args.file else [])]
    # A receipt says when somebody asked; nothing that is computed depends on it.
    asked = nights.parse_nights(args.asked)[0] if args.asked else datetime.now(UTC).date()
    for receipt in forget.forget(loaded_by(args), user_ids, asked, args.also_in_text):
        terminal.say(receipts.describe(receipt))


def _privacy_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--since", metavar="DATE", help="what it cost who joined on that day")


def _privacy(args: argparse.Namespace) -> None:
    from pipeline.operations import privacy_spent

    since = nights.parse_nights(args.since)[0] if args.since else None
    terminal.say(str(privacy_spent.run(loaded_by(args), since)))


def _prune_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--keep-days", type=int, metavar="N", help="default: retention.artifact_days")
    command.add_argument("--dry-run", action="store_true", help="only say what would be removed")


def _prune(args: argparse.Namespace) -> None:
    from pipeline.operations import prune

    terminal.say(prune.describe(prune.prune(loaded_by(args), args.keep_days, args.dry_run), args.dry_run))


COMMANDS = {
    "compare": Command("the published lists against simple ones, on nights of the past", _compare, _compare_options),
    "judge-policy": Command(
        "a run's lists by the slots that earlier runs drew by chance, as they were logged",
        _judge_policy,
        _judge_policy_options,
    ),
    "trial": Command(
        "what drawn slots added to what users did, against what the same draws withheld", _trial, _trial_options
    ),
    "arms": Command("an experiment's arms of users, and what came of each", _arms, _arms_options),
    "tune": Command("look for better settings on nights of the past (Optuna)", _tune, _tune_options),
    "forget": Command("remove people from everything, for good, and write receipts", _forget, _forget_options),
    "privacy": Command("what people's privacy has cost, of what is seen through noise", _privacy, _privacy_options),
    "prune": Command("remove old nights' features, models, lists and reports", _prune, _prune_options),
}
"""By name."""
