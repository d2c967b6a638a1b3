"""Telling people that a night failed, was stopped by the gate, or was refused.

The environment says how, as it may hold a secret: NIGHTJAR_NOTIFIER is the URL of a webhook, which gets the message as
JSON by POST (its field `text` is what Slack, Mattermost and Teams show), or `module:callable`, which gets it as a dict.
Without it nothing is sent. Whatever the notifier does, the task ends as it would have ended.

    event     "blocked": the gate, or a check of the tables; "failed": an error that names its remedy; "crashed":
              anything else, a killed process included; "refused": a person said no
    text      one line for people; night, task, dag, run: where; error: the exception's class; message: its text, of
              errors the pipeline raises on purpose only; url: the task's log
"""

import json
import logging
import os
import re
import urllib.request
from collections.abc import Callable, Mapping
from importlib import import_module
from threading import Thread
from typing import Any

from pipeline.ground.errors import GateError, PipelineError
from pipeline.ground.secrets import without_secrets

log = logging.getLogger(__name__)

VARIABLE = "NIGHTJAR_NOTIFIER"
TIMEOUT_SECONDS = 20.0
SENTENCES = {
    "blocked": "is not published: the gate is closed",
    "failed": "failed",
    "crashed": "crashed",
    "refused": "is not published",
}
Message = dict[str, str]


def failed(context: Mapping[str, Any]) -> None:
    """The `on_failure_callback` of a task."""
    error = context.get("exception")
    event = "blocked" if isinstance(error, GateError) else "failed" if isinstance(error, PipelineError) else "crashed"
    said = str(error) if isinstance(error, PipelineError) else "see the task's log"
    _tell(event, context, said, type(error).__name__ if isinstance(error, BaseException) else "")


def answered(context: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    """The `on_success_callback` of an approval; only a refusal is told.

    Args:
        context: the task's.
        answer: the approval's `hitl_summary`: `approved`, `responded_by_user`.
    """
    if answer.get("approved"):
        return
    by = answer.get("responded_by_user") or {}
    name = by.get("name") if isinstance(by, Mapping) else by
    log.warning("%s is not published: %s refused it; the table in use stays", _night(context), name or "a person")
    _tell("refused", context, f"{name or 'a person'} refused it; the table in use stays", "")


def _tell(event: str, context: Mapping[str, Any], said: str, error: str) -> None:
    if where := os.environ.get(VARIABLE, ""):
        _with_time_limit(lambda: _send(where, _message(event, context, without_secrets(said), error)))


def _message(event: str, context: Mapping[str, Any], said: str, error: str) -> Message:
    task, run = context.get("task_instance"), context.get("dag_run")
    task_id, night = str(getattr(task, "task_id", "")), _night(context)
    return {
        "event": event,
        "text": f"Nightjar {night} {SENTENCES[event]}: {task_id}: {said}",
        "night": night,
        "task": task_id,
        "dag": str(getattr(task, "dag_id", "")),
        "run": str(getattr(run, "run_id", "")),
        "error": error,
        "message": said,
        "url": str(getattr(task, "log_url", "")),
    }


def _night(context: Mapping[str, Any]) -> str:
    from pipeline.tasks.run_task import night_of

    try:
        return night_of(context.get("params") or {}, context.get("logical_date"), context.get("dag_run")).isoformat()
    except PipelineError:
        return "(no night)"


def _send(where: str, message: Message) -> None:
    if re.match(r"https?://", where):
        body = json.dumps(message).encode()
        request = urllib.request.Request(where, body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS).close()
        return
    module, _, name = where.partition(":")
    getattr(import_module(module), name)(message)


def _with_time_limit(action: Callable[[], None]) -> None:
    """Run it in a thread, which may hang or end as it likes."""
    problems: list[str] = []

    def run() -> None:
        try:
            action()
        except BaseException as problem:  # an exit, too, is the notifier's own
            # its text may quote the address, which is a secret
            problems.append(type(problem).__name__)

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(TIMEOUT_SECONDS)
    if thread.is_alive():
        problems.append(f"no answer within {TIMEOUT_SECONDS:.0f} s")
    if problems:
        log.warning("the notifier (%s) failed: %s", VARIABLE, problems[0])
