"""Doing something for others who may never answer, for a bounded time."""

from collections.abc import Callable
from threading import Thread

Action = Callable[[], object]


def within(seconds: float, action: Action, name: str | None = None) -> str:
    """Do something in a thread, which may hang or end as it likes, and wait for it no longer than so many seconds.

    Args:
        seconds: the limit.
        action: what is done.
        name: of the thread, by which logs know it.
    Returns:
        "", or what went wrong: the class of an error and not its text, which may quote a secret.
    """
    problems: list[str] = []

    def run() -> None:
        try:
            action()
        except BaseException as problem:  # an exit, too, is the action's own
            problems.append(type(problem).__name__)

    thread = Thread(target=run, daemon=True, name=name)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        problems.append(f"no answer within {seconds:g} s")
    return problems[0] if problems else ""
