# PYTHON_ARGCOMPLETE_OK
"""The command line: nightjar <command>, or python -m pipeline <command>."""

import logging
import os
import sys
from pathlib import Path

from pipeline.commands.command_line import COMMANDS, parser, require_text
from pipeline.ground import resources, terminal
from pipeline.ground.errors import PipelineError
from pipeline.store import urls


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
            COMMANDS[args.command].run(args)
    except PipelineError as error:
        terminal.say(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
