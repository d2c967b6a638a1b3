"""What OpenSearch and Elasticsearch are told of a run: indices, documents, and the switch of the aliases.

<prefix>-<table>-<load>     an index per table and load, one document per list; its mapping says which load, and whether
                            it is whole
<prefix>-<table>            an alias, which is what applications ask

A document has run_id, what the list is about (user_id, surface) and `items`, the list, the best first; of a table
without ranks it has the row's columns. Its id is a hash of what the list is about, the same in every run.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.published.contract import RUN_ID, PublishedTable
from pipeline.published.copies.lists import Lists

META = "nightjar"
TYPES = {
    pa.bool_(): "boolean",
    pa.int32(): "integer",
    pa.float32(): "float",
    pa.date32(): "date",
    pa.timestamp("us", tz="UTC"): "date",
}
LONGEST = 8191
"""Characters of a text that can be looked up: 32,766 bytes, as far as Lucene goes."""
Document = tuple[str, str]
"""The two lines of a bulk request: what is done, and the document."""


@dataclass(frozen=True)
class Index:
    """What holds one table's lists of a load.

    Attributes:
        alias: what applications call it.
        load: whose it is.
        lists: the lists of its table.
    """

    alias: str
    load: str
    lists: Lists

    @property
    def name(self) -> str:
        """The index's name, which has no capital letters."""
        return f"{self.alias}-{self.load.lower()}"

    def body(self) -> dict[str, Any]:
        """What it is made with; it is written once, and refreshed when it is whole."""
        return {"settings": {"index": {"refresh_interval": "-1"}}, "mappings": self.mapping() | self.meta(whole=False)}

    def meta(self, whole: bool) -> dict[str, Any]:
        """What its mapping says of it."""
        return {"_meta": {META: {"load": self.load, "whole": whole}}}

    def mapping(self) -> dict[str, Any]:
        """What can be searched: what a list is about and the ids in it; the rest is only shown."""
        about = (RUN_ID.name, *self.lists.about)
        schema = self.lists.table.schema
        own = {name: _searched(schema.field(name), about=True) for name in dict.fromkeys(about)}
        others = {field.name: _searched(field, about=False) for field in schema if field.name not in about}
        return {
            "dynamic": False,
            "properties": own | ({"items": {"properties": others}} if self.lists.ranked else others),
        }

    def documents(self, path: Path, run_id: str, connection: duckdb.DuckDBPyConnection) -> Iterator[Document]:
        """The documents of a table's file.

        Args:
            path: the file of a run.
            run_id: the run.
            connection: an in-memory DuckDB.
        Raises:
            PublishError: the file is damaged.
        """
        own = "" if RUN_ID.name in self.lists.about else f'"{RUN_ID.name}":{json.dumps(run_id)},'
        for made in self.lists.read(path, connection):
            keys, entries = (made.column(name).to_pylist() for name in ("key", "entries"))
            for key, entry in zip(keys, entries, strict=True):
                said = f'"items":{entry}}}' if self.lists.ranked else entry[1:]
                name = hashlib.sha256(key.encode()).hexdigest()
                yield f'{{"index":{{"_id":"{name}"}}}}', f"{{{own}{key[1:-1]},{said}"


def _searched(field: pa.Field, about: bool) -> dict[str, Any]:
    """How a column is mapped: numbers, days, what a list is about and ids can be searched; other texts are shown."""
    if field.type in TYPES:
        return {"type": TYPES[field.type]}
    if about or field.name.endswith("_id"):
        return {"type": "keyword", "ignore_above": LONGEST}
    return {"type": "keyword", "index": False, "doc_values": False}


def indices(prefix: str, load: str, tables: Sequence[PublishedTable]) -> list[Index]:
    """The indices of a load."""
    lists = [found for table in tables if (found := Lists.of(table)) is not None]
    return [Index(f"{prefix}-{one.table.name}", load, one) for one in lists]


def switch(wanted: Sequence[Index], held: Mapping[str, Sequence[str]] | None = None) -> dict[str, Any]:
    """The body of the one request that lets all aliases lead to a load.

    Args:
        wanted: its indices.
        held: what the aliases lead to, by alias; None: whatever they do.
    """
    actions: list[dict[str, Any]] = []
    for index in wanted:
        gone = [f"{index.alias}-*"] if held is None else [one for one in held.get(index.alias, ()) if one != index.name]
        may = {"must_exist": False} if held is None else {}
        actions += [{"remove": {"index": one, "alias": index.alias} | may} for one in gone]
    return {"actions": actions + [{"add": {"index": index.name, "alias": index.alias}} for index in wanted]}
