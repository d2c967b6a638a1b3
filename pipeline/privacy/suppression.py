"""Who asked to be forgotten, as salted hashes: their rows are not taken from the logs again.

    <home>/forgotten.json     the hashes of their ids, and of the ids of what was theirs: a later row about one of their
                              documents need not name them
    <home>/.forgotten.salt    what salts them, where NIGHTJAR_PSEUDONYM_KEY was not set when the list was begun
    <home>/.forgotten.lock    held shared while logs are read, alone while a name is added

Without the salt a hash says nothing; with it a guessed id can be tested, so the salt belongs to those who may read the
logs, and the environment's key is the better one.
"""

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.ground import artifacts, keeping
from pipeline.ground.errors import InputError
from pipeline.privacy import pseudonyms
from pipeline.privacy.pseudonyms import Key
from pipeline.settings.config import Config

ENVIRONMENT, FILE = "environment", "file"


@dataclass(frozen=True)
class Suppressed:
    """Those whose rows are dropped.

    Attributes:
        key: what their ids, as the logs have them, are hashed with; None: nobody ever asked.
        hashes: one per person.
        things: one per document of theirs, hashed with a key of its own, as its id may be somebody's too.
        source: where the key is, "environment" or "file".
    """

    key: Key | None = None
    hashes: frozenset[str] = frozenset()
    things: frozenset[str] = frozenset()
    source: str = ""

    def parameters(self) -> dict[str, Any]:
        """What sql/ingest/forgotten*.sql are bound to, but forgotten_things.sql."""
        return {} if self.key is None else {"hashes": sorted(self.hashes), **self.key.pads("forgotten_")}

    def of_things(self) -> dict[str, Any]:
        """What sql/ingest/forgotten_things.sql is bound to."""
        if self.key is None:
            return {}
        return {"hashes": sorted(self.things), **_of_things(self.key).pads("forgotten_")}


def path(config: Config) -> Path:
    """The list."""
    return config.home / "forgotten.json"


@contextlib.contextmanager
def lock(config: Config, alone: bool) -> Iterator[None]:
    """Hold the list still, together with other readers, or alone to add to it.

    Of a home in an object store who is alone keeps it from other machines first, as an ingest does that then reads the
    list: else each would wait for the other.
    """
    config.home.mkdir(parents=True, exist_ok=True)
    kept = keeping.held(path(config)) if alone else contextlib.nullcontext()
    with kept, (config.home / ".forgotten.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


def read(config: Config) -> Suppressed:
    """The list; empty before anybody asked.

    Raises:
        InputError: it is damaged, or its key is not at hand: taking the logs in without it would undo every erasure.
    """
    try:
        content = json.loads(path(config).read_text(encoding="utf-8"))
        source, check, hashes = content["key"], content["check"], frozenset(content["hashes"])
        things = frozenset(content.get("things", ()))  # a list from before there were any has none
    except FileNotFoundError:
        return Suppressed()
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path(config)} is damaged ({error!r}): restore it from a backup of {config.home}") from None
    key = _key(config, source)
    if key is None or key.derive("check").hash("") != check:
        wanted = pseudonyms.VARIABLE if source == ENVIRONMENT else str(_salt(config))
        raise InputError(
            f"{path(config)} was written with another key than {wanted} holds now, so that those who asked to "
            "be forgotten are not known: set the old key back, or remove the file and run forget again for all of them"
        )
    return Suppressed(key, hashes, things, source)


def add(config: Config, user_ids: Iterable[str] = (), things: Iterable[str] = ()) -> Suppressed:
    """Put people on the list, or what is theirs; the caller holds the lock alone.

    Args:
        config: its home has the list.
        user_ids: ids as the logs have them.
        things: the ids of documents of somebody who is on it.
    """
    listed = read(config)
    key, source = (_begun(config), _source()) if listed.key is None else (listed.key, listed.source)
    hashes = listed.hashes | {key.hash(user_id) for user_id in user_ids}
    theirs = listed.things | {_of_things(key).hash(thing) for thing in things}
    content = {"key": source, "check": key.derive("check").hash(""), "hashes": sorted(hashes)}
    if theirs:
        content["things"] = sorted(theirs)
    write_private(path(config), (json.dumps(content, indent=1) + "\n").encode())
    return Suppressed(key, frozenset(hashes), frozenset(theirs), source)


def _of_things(key: Key) -> Key:
    return key.derive("things")


def write_private(target: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all, and on disk when this returns."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.partial")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(target)
    artifacts.sync(target.parent)


def _salt(config: Config) -> Path:
    return config.home / ".forgotten.salt"


def _source() -> str:
    return ENVIRONMENT if pseudonyms.from_environment() else FILE


def _begun(config: Config) -> Key:
    """The key of a new list: the environment's, else a salt that is made now."""
    if (secret := pseudonyms.from_environment()) is not None:
        return secret.derive("forgotten")
    if not _salt(config).is_file():
        write_private(_salt(config), secrets.token_bytes(32))
    return Key(_salt(config).read_bytes()).derive("forgotten")


def _key(config: Config, source: str) -> Key | None:
    if source == ENVIRONMENT:
        found = pseudonyms.from_environment()
        return None if found is None else found.derive("forgotten")
    return Key(_salt(config).read_bytes()).derive("forgotten") if _salt(config).is_file() else None
