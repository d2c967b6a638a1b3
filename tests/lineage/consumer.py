"""A consumer of lineage events, which knows the specification and nothing of Nightjar."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

SPEC = Path(__file__).parent / "spec"
OLDER = {"https://openlineage.io/spec/facets/1-0-1/DataQualityMetricsDatasetFacet.json": "1-0-0"}
Event = dict[str, Any]
Column = tuple[str, str, str]
"""Namespace and name of a dataset, and a field of it."""


@cache
def registry() -> Registry[Any]:
    """The schemas by their URLs."""
    schemas = [json.loads(path.read_text(encoding="utf-8")) for path in SPEC.glob("*.json")]
    return Registry().with_resources((schema["$id"], Resource.from_contents(schema)) for schema in schemas)


def validate(event: Event) -> None:
    """Hold an event and every facet of it to their schemas; raises jsonschema.ValidationError."""
    _hold(event, event["schemaURL"])
    places = [event["run"], event["job"], *event["inputs"], *event["outputs"]]
    for place in places:
        for kind in ("facets", "inputFacets", "outputFacets"):
            for facet in place.get(kind, {}).values():
                _hold(facet, facet["_schemaURL"])


def _hold(value: Any, url: str) -> None:
    base, _, rest = url.partition("#")
    if base in OLDER:
        parts = base.split("/")
        parts[-2] = OLDER[base]
        base = "/".join(parts)
    schema = {"$ref": f"{base}#{rest}"}
    Draft202012Validator(schema, registry=registry(), format_checker=FormatChecker()).validate(value)


@dataclass
class Graph:
    """What columns are made of, by the events that say so.

    Attributes:
        made_of: the columns of each column, and how.
        datasets: all that were read or written.
    """

    made_of: dict[Column, dict[Column, set[tuple[str, str]]]] = field(default_factory=lambda: defaultdict(dict))
    datasets: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    def of(cls, events: Iterable[Event]) -> "Graph":
        """Of events. An input field counts only where its dataset is an input of the event and has the field, as
        Marquez takes it."""
        graph = cls()
        for event in events:
            fields = {(d["namespace"], d["name"]): _names(d) for d in event["inputs"]}
            graph.datasets |= fields.keys() | {(d["namespace"], d["name"]) for d in event["outputs"]}
            for output in event["outputs"]:
                for column, made in output["facets"].get("columnLineage", {}).get("fields", {}).items():
                    assert column in _names(output)
                    for one in made["inputFields"]:
                        assert one["field"] in fields[one["namespace"], one["name"]], one
                        how = {(t["type"], t["subtype"]) for t in one["transformations"]}
                        target = (output["namespace"], output["name"], column)
                        graph.made_of[target][one["namespace"], one["name"], one["field"]] = how
        return graph

    def roots(self, column: Column) -> set[Column]:
        """The columns that a column comes from and that come from none."""
        return {one for one in self.all_of(column) if not self.made_of.get(one)}

    def all_of(self, column: Column) -> Iterator[Column]:
        """All columns that it comes from, whatever is between."""
        waiting, seen = [column], {column}
        while waiting:
            for one in self.made_of.get(waiting.pop(), ()):
                if one not in seen:
                    seen.add(one)
                    waiting.append(one)
                    yield one


def _names(dataset: dict[str, Any]) -> set[str]:
    return {one["name"] for one in dataset["facets"].get("schema", {}).get("fields", ())}
