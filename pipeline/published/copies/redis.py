"""A copy in Redis or Valkey: a hash per table and list, and a key that names the load to read.

<prefix>:active                            the load that readers see
<prefix>:<load>:<table>                    field: what a list is looked up by; value: the list as JSON
<prefix>:<load>:recommendations:<surface>  the same of one surface, with a field per user
<prefix>:loads                             hash of the loads that there are: "whole", or "begun" and not finished
<prefix>:<load>:keys                       set of the load's hashes, which go with it; is it lost, they are searched for

A reader GETs the first and then asks the hashes of that load, which stay until the flip after the next. Hashes are few
and large, so that dropping a run is one UNLINK, which frees them in the background.
"""

import contextlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ground import sql
from pipeline.ground.errors import PublishError
from pipeline.published.contract import PublishedTable
from pipeline.published.copies import connections
from pipeline.published.copies.contract import needs
from pipeline.published.copies.lists import Lists
from pipeline.settings.config import Config
from pipeline.settings.sections.copies import PublishedCopy

SCHEMES = ("redis", "rediss", "unix", "valkey", "valkeys")
WHOLE, BEGUN = "whole", "begun"
FIELDS = 512
"""Lists of a command."""
COMMANDS = 16
"""Commands that are sent before their answers are read: some MB."""
SECONDS = {"socket_connect_timeout": 10, "socket_timeout": 60}


class RedisCopy:
    """The contract of contract.Copy on a server of keys."""

    def __init__(self, section: PublishedCopy, config: Config, tables: Sequence[PublishedTable]) -> None:
        """A copy; nothing is asked of the server yet.

        Raises:
            InputError: the client is not installed, or the environment does not have the connection.
        """
        try:
            import redis
        except ImportError:
            raise needs("a copy of kind 'redis'", "redis") from None
        self.config, self.prefix = config, section.prefix
        self.lists = [found for table in tables if (found := Lists.of(table)) is not None]
        self._server = connections.from_environment(section.connection, SCHEMES)
        self._errors = (redis.RedisError, ValueError, OSError)
        self._passing = (redis.ConnectionError, redis.TimeoutError)
        self._refusing = (redis.AuthenticationError, redis.exceptions.AuthorizationError)
        url = self._server.url
        url = url.replace("valkey", "redis", 1) if url.startswith("valkey") else url
        with self._asking():
            self._client: Any = redis.Redis.from_url(url, decode_responses=True, **SECONDS)

    def _asking(self) -> contextlib.AbstractContextManager[None]:
        return self._server.translated(self._errors, self._passes)

    def _passes(self, error: Exception) -> bool:
        return isinstance(error, self._passing) and not isinstance(error, self._refusing)

    def _key(self, *parts: str) -> str:
        return ":".join([self.prefix, *parts])

    def active(self) -> str | None:
        """See Copy.active. A hash that the server evicted or lost is missed."""
        with self._asking():
            load = self._client.get(self._key("active"))
        return load if load is not None and self.holds(load) else None

    def holds(self, load: str) -> bool:
        """See Copy.holds."""
        with self._asking():
            keys = self._client.smembers(self._key(load, "keys"))
            whole = self._client.hget(self._key("loads"), load) == WHOLE
            return bool(whole and keys and self._client.exists(*keys) == len(keys))

    def load(self, load: str, folder: Path) -> None:
        """See Copy.load."""
        self._drop(load)
        begun: set[str] = set()
        with self._asking():
            self._client.hset(self._key("loads"), load, BEGUN)
        with sql.connect(self.config.threads, self.config.memory_limit_mb) as connection:
            for lists in self.lists:
                path = folder / lists.table.file
                for made in lists.read(path, connection) if path.is_file() else ():
                    self._write(load, lists, made, begun)
        with self._asking():
            self._client.hset(self._key("loads"), load, WHOLE)

    def _write(self, load: str, lists: Lists, made: pa.Table, begun: set[str]) -> None:
        """Write some lists, whose fields are all new; `begun` are the hashes that have some."""
        names = list(lists.within)
        for values in made.group_by(names).aggregate([]).to_pylist() if names else [{}]:
            mine = made
            for name, value in values.items():
                mine = mine.filter(pc.equal(mine.column(name), value))
            key = self._key(load, lists.table.name, *values.values())
            fields, entries = (mine.column(name).to_pylist() for name in (lists.field, "entries"))
            with self._asking():
                self._client.sadd(self._key(load, "keys"), key)
                if key not in begun:  # what a server that lost the set of hashes still has of it
                    self._client.unlink(key)
                    begun.add(key)
                written = sum(self._sent(key, fields, entries))
            if written != len(fields):
                raise PublishError(
                    f"{key}: {len(fields)} lists were sent and {written} are new: others write there too"
                )

    def _sent(self, key: str, fields: list[str], entries: list[str]) -> Iterator[int]:
        """Send fields; yields how many of them are new."""
        pipeline = self._client.pipeline(transaction=False)
        for start in range(0, len(fields), FIELDS):
            part = slice(start, start + FIELDS)
            pipeline.hset(key, mapping=dict(zip(fields[part], entries[part], strict=True)))
            if len(pipeline) == COMMANDS:
                yield from pipeline.execute()
        yield from pipeline.execute()

    def activate(self, load: str) -> None:
        """See Copy.activate."""
        with self._asking():
            self._client.set(self._key("active"), load)

    def keep(self, loads: Collection[str], alone: bool = False) -> None:
        """See Copy.keep."""
        with self._asking():
            known = self._client.hkeys(self._key("loads"))
        for load in known:
            if load not in loads:
                self._drop(load)
        if not loads:
            with self._asking():
                self._client.unlink(self._key("active"))

    def _drop(self, load: str) -> None:
        """Remove what there is of a load; its name last, so that what a killed process left is found again."""
        with self._asking():
            keys = self._client.smembers(self._key(load, "keys"))
            if not keys and self._client.hexists(self._key("loads"), load):  # the set is lost, or nothing was written
                keys = list(self._client.scan_iter(match=self._key(load, "*"), count=1000))
            if keys:
                self._client.unlink(*keys)
            self._client.unlink(self._key(load, "keys"))
            self._client.hdel(self._key("loads"), load)

    def close(self) -> None:
        """See Copy.close."""
        self._client.close()
