"""Telling people that a night failed, was stopped by the gate, was refused, or is late, and what it found.

The environment says how, as it may hold a secret: NIGHTJAR_NOTIFIER is the URL of a webhook, which gets the message as
JSON by POST (its field `text` is what Slack, Mattermost and Teams show), or `module:callable`, which gets it as a dict.
Without it nothing is sent. Whatever the notifier does, the task ends as it would have ended.

    event     "blocked": the gate, or a check of the tables; "failed": an error that names its remedy; "crashed":
              anything else, a killed process included; "refused": a person said no; "late": the tables are not valid
              by the time of monitoring.valid_by, whatever the run does; "unusual": the night is published, and
              more was written about some things than usual (entities.alert)
    text      one line for people; night, task, dag, run: where; error: the exception's class; message: its text, of
              errors the pipeline raises on purpose only; url: the task's log
"""

import json
import logging
import os
import re
import urllib.request
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from pipeline.ground import time_limits
from pipeline.ground.errors import GateError, LateError, PipelineError
from pipeline.ground.secrets import without_secrets

log = logging.getLogger(__name__)

VARIABLE = "NIGHTJAR_NOTIFIER"
TIMEOUT_SECONDS = 20.0
SENTENCES = {
    "blocked": "is not published: the gate is closed",
    "failed": "failed",
    "crashed": "crashed",
    "refused": "is not published",
    "late": "is late",
    "unusual": "is published, and has unusual news",
}
Message = dict[str, str]


def failed(context: Mapping[str, Any]) -> None:
    """The `on_failure_callback` of a task."""
    error = context.get("exception")
    event = "blocked" if isinstance(error, GateError) else "failed" if isinstance(error, PipelineError) else "crashed"
    said = str(error) if isinstance(error, PipelineError) else "see the task's log"
    _tell(event, context, said, type(error).__name__ if isinstance(error, BaseException) else "")


def answered(context: Mapping[str, Any]) -> None:
    """The `on_success_callback` of an approval, whose task has the answer as `hitl_summary`; only a refusal is told."""
    answer: Mapping[str, Any] = context["task"].hitl_summary
    if answer.get("approved"):
        return
    by = answer.get("responded_by_user") or {}
    name = by.get("name") if isinstance(by, Mapping) else by
    log.warning("%s is not published: %s refused it; the table in use stays", _night(context), name or "a person")
    _tell("refused", context, f"{name or 'a person'} refused it; the table in use stays", "")


def published(context: Mapping[str, Any]) -> None:
    """The `on_success_callback` of a night's publication: tells what is unusual, where the shop wants to hear of it."""
    from pipeline.sources import configuration
    from pipeline.tasks import alerts

    if "at" in (context.get("params") or {}):  # of a day that is not over nobody can tell yet
        return
    try:
        said = alerts.unusual(configuration.load(), date.fromisoformat(_night(context)))
    except (PipelineError, ValueError, OSError) as error:
        log.warning("what is unusual is not told: %s", error)
        return
    if said:
        _tell("unusual", context, said, "")


def late(context: Mapping[str, Any]) -> None:
    """The callback of the night's deadline. Only the newest night's is told, and only where readers lack its tables: a
    night that is run again, or backfilled, was due long ago.

    Args:
        context: Airflow's for a missed deadline: `dag_run` as its API describes it.
    """
    from pipeline.ground import zones
    from pipeline.operations.monitoring import deadline
    from pipeline.sources import configuration

    described = context["dag_run"]
    config = configuration.load()
    told = {"dag_run": _run_of(described), "params": described.get("conf") or {}} | {
        "logical_date": _moment(described.get("logical_date"))
    }
    night = _night(told)
    if night != (zones.today(config.timezone) - timedelta(days=1)).isoformat():
        log.info("%s was due long ago: nobody is told that it is late", night)
        return
    try:
        problem = deadline.behind(config, date.fromisoformat(night))
    except PipelineError as error:
        problem = str(error)
    if problem:
        said = f"its tables were to be valid by {config.monitoring.valid_by} in {config.timezone}: {problem}"
        log.warning("%s is late: %s", night, said)
        _tell("late", told, said, LateError.__name__)


def _run_of(described: Mapping[str, Any]) -> Any:
    """What a run's description says, as a run has it."""
    names = {"run_id": "dag_run_id", "dag_id": "dag_id", "run_type": "run_type"}
    said = {name: described.get(key) for name, key in names.items()}
    return SimpleNamespace(**said, run_after=_moment(described.get("run_after")))


def _moment(said: object) -> datetime | None:
    """A moment as Airflow's API writes it."""
    return datetime.fromisoformat(str(said).replace("Z", "+00:00")) if said else None


def _tell(event: str, context: Mapping[str, Any], said: str, error: str) -> None:
    if where := os.environ.get(VARIABLE, ""):
        send = lambda: _send(where, _message(event, context, without_secrets(said), error))  # noqa: E731
        if problem := time_limits.within(TIMEOUT_SECONDS, send):
            log.warning("the notifier (%s) failed: %s", VARIABLE, problem)


def _message(event: str, context: Mapping[str, Any], said: str, error: str) -> Message:
    task, run = context.get("task_instance"), context.get("dag_run")
    task_id, night = str(getattr(task, "task_id", "")), _night(context)
    return {
        "event": event,
        "text": ": ".join(filter(None, [f"Nightjar {night} {SENTENCES[event]}", task_id, said])),
        "night": night,
        "task": task_id,
        "dag": str(getattr(task or run, "dag_id", "")),
        "run": str(getattr(run, "run_id", "")),
        "error": error,
        "message": said,
        "url": str(getattr(task, "log_url", "")),
    }


def _night(context: Mapping[str, Any]) -> str:
    """The night, or the day so far, that a run is for."""
    from pipeline.tasks.run_task import AT, moment_of, night_of

    params, told = context.get("params") or {}, (context.get("logical_date"), context.get("dag_run"))
    try:
        return (moment_of(params, *told).date() if AT in params else night_of(params, *told)).isoformat()
    except PipelineError:
        return "(no night)"


def _send(where: str, message: Message) -> None:
    if re.match(r"https?://", where):
        body = json.dumps(message).encode()
        request = urllib.request.Request(where, body, {"Content-Type": "application/json"})  # noqa: S310, https or http
        urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS).close()  # noqa: S310
        return
    module, _, name = where.partition(":")
    getattr(import_module(module), name)(message)
