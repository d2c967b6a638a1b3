"""Ids that say nothing about a person: HMAC-SHA256 under a key that only the environment knows.

A user's pseudonym is plain HMAC-SHA256(key, user_id) as 64 hexadecimal digits, so that an application can compute it
and look its user up. Session and event ids get keys derived from it, so that equal texts of two kinds stay apart.
The key is in no configuration, manifest, log or error message; DuckDB sees it only as bound parameters.
"""

import hashlib
import hmac
import os

from pipeline.ground.errors import InputError
from pipeline.settings.config import Config

VARIABLE = "NIGHTJAR_PSEUDONYM_KEY"
MIN_BYTES = 16
BLOCK = 64
"""Bytes of a SHA-256 block, to which HMAC pads its key."""


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


def parameters() -> dict[str, bytes]:
    """What sql/ingest/pseudonyms.sql is bound to: the padded keys for users, sessions and events."""
    main = key()
    return main.pads("user_") | main.derive("session").pads("session_") | main.derive("event").pads("event_")
