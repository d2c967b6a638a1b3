"""Connections that only Airflow knows, in its database or a secrets backend, asked for where a task needs one.

They are asked for in the task's own process and stay there: nothing of them is a field of a task, an XCom or a variable
of the environment, and Airflow hides their passwords in the task's log.
"""

import json
import logging
import sys

from pipeline.intake.databases import connections

log = logging.getLogger(__name__)


def offer() -> None:
    """Let the connections of logs be looked for in Airflow too, behind the environment."""
    connections.also_from(described)


def described(name: str) -> str | None:
    """A connection as Airflow writes it in JSON; None where there is none of the name, or nobody who could know it.

    Who runs a task has imported Airflow and has somebody to ask; where nobody has, it is not imported for this.
    """
    airflow, runner = (sys.modules.get(f"airflow.sdk{part}") for part in ("", ".execution_time.task_runner"))
    if airflow is None or not hasattr(runner, "SUPERVISOR_COMMS"):
        return None
    try:
        found = airflow.Connection.get(name)
    except Exception as error:
        log.debug("Airflow does not give connection '%s' (%s)", name, type(error).__name__)
        return None
    parts = ("conn_type", "host", "port", "login", "password", "schema", "extra")
    return json.dumps({part: getattr(found, part) for part in parts})
