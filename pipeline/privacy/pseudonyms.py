"""Ids that say nothing about a person: HMAC-SHA256 under a key that only the environment knows.

A user's pseudonym is plain HMAC-SHA256(key, user_id) as 64 hexadecimal digits, so that an application can compute it
and look its user up. Session and event ids get keys derived from it, so that equal texts of two kinds stay apart.
The key is in no configuration, manifest, log or error message; DuckDB is given it as bound parameters, and forgets it
when the ids are hashed.
"""

import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import Literal

import duckdb
from duckdb import ColumnExpression, ConstantExpression, FunctionExpression

from pipeline.ground import sql
from pipeline.ground.errors import InputError
from pipeline.settings.config import Config

VARIABLE = "NIGHTJAR_PSEUDONYM_KEY"
MIN_BYTES = 16
BLOCK = 64
"""Bytes of a SHA-256 block, to which HMAC pads its key."""
Purpose = Literal["user", "session", "event"]
"""What an id is the id of: equal texts of two purposes have pseudonyms that do not tell."""
UNIQUE = {"event"}
"""Purposes whose ids are each of one row. They are hashed row by row; of the others each different one once, as hashing
is what takes the time."""


class Key:
    """A secret; its text form does not show it.

    Source of `pads`: RFC 2104: HMAC(key, text) = H(outer || H(inner || text)).
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def __repr__(self) -> str:
        return "Key(...)"

    def hash(self, text: str) -> str:
        """HMAC-SHA256 of the text's UTF-8, 64 hexadecimal digits."""
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()

    def derive(self, purpose: str) -> "Key":
        """A key for one purpose, from which this one cannot be found."""
        return Key(hmac.new(self._secret, f"nightjar: {purpose}".encode(), hashlib.sha256).digest())

    def pads(self, name: str = "") -> dict[str, bytes]:
        """The padded key as parameters `<name>inner` and `<name>outer` of a statement, both 64 bytes."""
        secret = self._secret if len(self._secret) <= BLOCK else hashlib.sha256(self._secret).digest()
        padded = secret.ljust(BLOCK, b"\0")
        return {
            f"{name}inner": bytes(byte ^ 0x36 for byte in padded),
            f"{name}outer": bytes(byte ^ 0x5C for byte in padded),
        }


def from_environment() -> Key | None:
    """The key in NIGHTJAR_PSEUDONYM_KEY; None if it is not set.

    Raises:
        InputError: it is too short.
    """
    secret = os.environb.get(VARIABLE.encode())
    if not secret:
        return None
    if len(secret) < MIN_BYTES:
        raise InputError(f"{VARIABLE} has {len(secret)} bytes: a key needs at least {MIN_BYTES} (openssl rand -hex 32)")
    return Key(secret)


def key() -> Key:
    """The key of ingest.pseudonyms.

    Raises:
        InputError: it is missing or too short.
    """
    found = from_environment()
    if found is None:
        raise InputError(
            f"ingest.pseudonyms needs a key: set {VARIABLE} in the environment, at least {MIN_BYTES} bytes, "
            "and keep it: with another one the history has to be loaded again"
        )
    return found


def stored(config: Config, user_id: str) -> str:
    """The id under which a user is in the lake and in the tables."""
    return key().hash(user_id) if config.ingest.pseudonyms else user_id


def key_for(purpose: Purpose) -> Key:
    """The key under which ids of one purpose are hashed: a user's pseudonym needs no key but the main one.

    Raises:
        InputError: as `key`.
    """
    return key() if purpose == "user" else key().derive(purpose)


def hide(
    connection: duckdb.DuckDBPyConnection, rows: duckdb.DuckDBPyRelation, columns: Mapping[str, Purpose], into: str
) -> None:
    """Make a table of rows whose ids are pseudonyms.

    Args:
        connection: where the table is made.
        rows: the rows, ids as text; an absent one stays absent.
        columns: the columns to replace, each with the purpose of its ids.
        into: the table's name.
    Raises:
        InputError: as `key`.
    """
    pads: dict[str, bytes] = {}
    for purpose in columns.values():
        pads |= key_for(purpose).pads(f"{purpose}_")
    sql.execute(connection, "ingest/pseudonym")
    sql.execute(connection, "ingest/keys", names=list(pads), pads=list(pads.values()))
    try:
        _replaced(rows, columns).create(into)
    finally:
        sql.execute(connection, "ingest/keys_none")


def _replaced(rows: duckdb.DuckDBPyRelation, columns: Mapping[str, Purpose]) -> duckdb.DuckDBPyRelation:
    joined, found = rows, {}
    for number, (name, purpose) in enumerate(columns.items()):
        hashed = FunctionExpression("pseudonym", ConstantExpression(purpose), ColumnExpression(name))
        if purpose in UNIQUE:
            found[name] = hashed
            continue
        hidden = f"{name} pseudonym"
        ids = rows.select(ColumnExpression(name)).distinct().select(ColumnExpression(name), hashed.alias(hidden))
        joined = joined.set_alias("shown").join(ids.set_alias(f"hidden_{number}"), name, how="left")
        found[name] = ColumnExpression(hidden)
    return joined.select(*[found.get(name, ColumnExpression(name)).alias(name) for name in rows.columns])
