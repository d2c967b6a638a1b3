"""The parser of the command line; each group of commands is a module beside it."""

import argparse
import sys
from pathlib import Path

from pipeline import __version__
from pipeline.commands import begin, nights, tables, upkeep
from pipeline.ground.errors import InputError

GROUPS = {
    "begin": begin.COMMANDS,
    "nights": nights.COMMANDS,
    "tables": tables.COMMANDS,
    "upkeep": upkeep.COMMANDS,
}
"""The commands by what they are about, as the help shows them."""
COMMANDS = {name: command for group in GROUPS.values() for name, command in group.items()}
EXAMPLES = """\
examples:
  %(prog)s init shop --from orders.csv
  %(prog)s --config shop/pipeline.toml run --run-date 2025-06-28 --with-history
  %(prog)s --config shop/pipeline.toml show --user 42

A command's own options: %(prog)s COMMAND --help
Completion in bash and zsh: eval "$(register-python-argcomplete nightjar)"
"""


def parser() -> argparse.ArgumentParser:
    """All commands; the chosen one's name, of COMMANDS, is in `command`."""
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
    for name, command in COMMANDS.items():
        added = commands.add_parser(name, description=command.purpose[0].upper() + command.purpose[1:] + ".")
        if command.options is not None:
            command.options(added)
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
        f"{title if first else '':8}{name:14}{command.purpose}"
        for title, group in GROUPS.items()
        for first, (name, command) in zip([True, *[False] * len(group)], group.items(), strict=False)
    ]
    return "\n".join(lines)
