"""How PostgreSQL is reached: from the environment only, and never said aloud.

NIGHTJAR_DSN is what libpq takes: a URL or "host=... dbname=...". Without it AIRFLOW_CONN_NIGHTJAR is read as Airflow
reads it, a URL or JSON, so one secret serves both. A password that is not encoded as a URL wants it spills into other
parts of the URL; such a connection is refused here, before a message of the driver can repeat it.
"""

import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pipeline.ground.errors import PublishError

VARIABLES = ("NIGHTJAR_DSN", "AIRFLOW_CONN_NIGHTJAR")
SECRET = {"password", "sslpassword", "passfile", "oauth_client_secret"}
PLAUSIBLE = {"host": r"[\w.,:/\[\]%*-]*", "port": r"[\d,]*", "dbname": r"[^@/:]*", "user": r"[^@/:]*"}
DEFAULTS = {"connect_timeout": "10", "keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"}
"""Of libpq, in seconds: a server or network that is gone is noticed within two minutes."""


class Settings(dict[str, str]):
    """libpq's connection parameters; printed without what is secret."""

    def __repr__(self) -> str:
        return self.described()

    def described(self) -> str:
        """Where it leads, for messages: user, host, port and database."""
        where = f"{self.get('host', 'the local socket')}:{self.get('port', '5432')}"
        return (
            f"database {self.get('dbname', self.get('user', 'of the user'))} at {where}, user {self.get('user', '-')}"
        )

    def conninfo(self) -> str:
        """What libpq takes, with what is secret."""
        from psycopg.conninfo import make_conninfo

        return make_conninfo("", **self)

    def redacted(self, message: str) -> str:
        """A message of the driver without the secrets, on one line."""
        for secret in filter(None, (self.get(name) for name in SECRET)):
            message = message.replace(secret, "***")
        return " ".join(message.split())


def is_configured(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment names a connection, be it a good one or not."""
    return any(environment.get(name) for name in VARIABLES)


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """The connection parameters.

    Raises:
        PublishError: no variable is set, or its value is not a connection; the value is not repeated.
    """
    name = next((name for name in VARIABLES if environment.get(name)), None)
    if name is None:
        raise PublishError(f"publish.target is postgres, and neither {' nor '.join(VARIABLES)} is set: set one of them")
    if (found := _settings(environment[name], _libpq if name == VARIABLES[0] else _airflow)) is None:
        raise PublishError(
            f"{name} is not a connection to PostgreSQL (it is not shown, for it may hold a password): write "
            "postgresql://user:password@host:port/database, with every special character of the password as %XX"
        )
    return found


def of_airflow(text: str) -> Settings | None:
    """The parameters of a connection to PostgreSQL as Airflow writes it, a URL or JSON; None: it is none."""
    return _settings(text, _airflow)


def _settings(text: str, read: Callable[[str], dict[str, str]]) -> Settings | None:
    try:
        found = read(text)
    except ValueError:
        return None
    plausible = all(re.fullmatch(p, found.get(part, "")) for part, p in PLAUSIBLE.items())
    return Settings(DEFAULTS | found) if plausible else None


def _libpq(text: str) -> dict[str, str]:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        return {key: str(value) for key, value in conninfo_to_dict(text).items() if value is not None}
    except psycopg.ProgrammingError:
        raise ValueError from None


def _airflow(text: str) -> dict[str, str]:
    """An Airflow connection; what is meant for Airflow's hook and not for libpq is left out."""
    from psycopg import pq

    described = json.loads(text) if text.lstrip().startswith("{") else _airflow_url(text)
    if not str(described.get("conn_type", "")).startswith("postgres"):
        raise ValueError
    extra = described.get("extra") or {}
    extra = json.loads(extra) if isinstance(extra, str) else extra
    names = {"host": "host", "port": "port", "user": "login", "password": "password", "dbname": "schema"}
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    found = {key: value for key, value in extra.items() if key in known and isinstance(value, str | int)}
    found |= {key: str(value) for key, name in names.items() if (value := described.get(name)) not in {None, ""}}
    return {key: str(value) for key, value in found.items()}


def _airflow_url(text: str) -> dict[str, Any]:
    parts = urlsplit(text)
    query = dict(parse_qsl(parts.query))
    extra = json.loads(query.pop("__extra__", "{}")) | query
    return {
        "conn_type": parts.scheme,
        "host": unquote(parts.hostname or ""),
        "port": parts.port,
        "login": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "schema": unquote(parts.path.removeprefix("/")),
        "extra": extra,
    }
