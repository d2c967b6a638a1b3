"""Connections as Airflow writes them, a URL or JSON, as what drivers take."""

import json
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from pipeline.intake.databases.drivers import Driver, of_scheme
from pipeline.published.targets import dsn


def read(text: str) -> tuple[Driver, str] | None:
    """What speaks to a connection's database, and what it takes; None: it is of another kind, or cannot be read."""
    if (settings := dsn.of_airflow(text)) is not None:
        driver = of_scheme("postgresql")
        return None if driver is None else (driver, settings.conninfo())
    try:
        described = json.loads(text) if text.lstrip().startswith("{") else _of_url(text)
        driver, url = of_scheme("mysql"), _mysql(described)
    except (ValueError, TypeError, AttributeError):
        return None
    return None if driver is None else (driver, url)


def _of_url(text: str) -> dict[str, Any]:
    parts = urlsplit(text)
    query = dict(parse_qsl(parts.query))
    return {
        "conn_type": parts.scheme,
        "host": unquote(parts.hostname or ""),
        "port": parts.port,
        "login": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "schema": unquote(parts.path.lstrip("/")),
        "extra": json.loads(query.pop("__extra__", "{}")) | query,
    }


def _mysql(described: dict[str, Any]) -> str:
    """A URL of pipeline.intake.databases.mysql; what else Airflow's hook is told is left out.

    Raises:
        ValueError: it is of another kind.
    """
    if described.get("conn_type") not in {"mysql", "mariadb"}:
        raise ValueError
    extra = described.get("extra") or {}
    extra = json.loads(extra) if isinstance(extra, str) else extra
    trusted = extra.get("ssl") or {}
    trusted = json.loads(trusted) if isinstance(trusted, str) else trusted
    options = {"ssl_ca": trusted.get("ca"), "unix_socket": extra.get("unix_socket")}
    login, password, schema = (quote(str(described.get(key) or ""), safe="") for key in ("login", "password", "schema"))
    port = int(described.get("port") or 3306)
    query = urlencode({key: value for key, value in options.items() if value})
    return f"mysql://{login}:{password}@{described.get('host') or 'localhost'}:{port}/{schema}" + (
        query and f"?{query}"
    )
