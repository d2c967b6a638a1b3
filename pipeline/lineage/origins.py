"""How it is said what a column is made of: "sum ingest.events(event_type, value)", a word and columns of one table.

The word is one of HOW. With " with features.links" behind it holds where that table is there too. Published tables say
it with their columns (pipeline.published.contract.Column.of), sources with their settings
(pipeline.sources.contract.Source.made_of), the stages between them in pipeline.lineage.declared.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

HOW = {
    "same": ("DIRECT", "IDENTITY"),
    "made": ("DIRECT", "TRANSFORMATION"),
    "sum": ("DIRECT", "AGGREGATION"),
    "filter": ("INDIRECT", "FILTER"),
    "join": ("INDIRECT", "JOIN"),
    "group": ("INDIRECT", "GROUP_BY"),
    "sort": ("INDIRECT", "SORT"),
    "if": ("INDIRECT", "CONDITIONAL"),
}
"""The words, and what the specification calls them: type and subtype. Learned from is "if": what a model was fitted on
decides what it says, and no value of it is in what it says."""
RUN = "run"
"""What the run says of itself: its night, its settings. There is no column that it could be traced to."""
SOURCES = "sources"
"""Instead of a stage: every source that the stage read."""
EVERY_ROW = "*"
"""Instead of a column: what decides which rows a table has at all."""
_SAID = re.compile(r"(\w+) (\w+)\.(\w+)\((\w+(?:, \w+)*)\)(?: with (\w+)\.(\w+))?")


@dataclass(frozen=True, order=True)
class Origin:
    """A column that another is made of.

    Attributes:
        stage, table, column: which.
        how: a word of HOW.
        masked: whether nothing of its values can be seen, as of an id that became a pseudonym.
        needs: stage and name of a table without which it is not read; both empty: none.
    """

    stage: str
    table: str
    column: str
    how: str
    masked: bool = False
    needs: tuple[str, str] = ("", "")


def parsed(said: Iterable[str]) -> list[Origin]:
    """The columns that are said.

    Raises:
        ValueError: it is said in another way than above.
    """
    found = []
    for one in said:
        if one == RUN:
            continue
        matched = _SAID.fullmatch(one)
        if matched is None or matched[1] not in HOW:
            raise ValueError(f"{one!r}: say it as 'sum ingest.events(value, price)', with a word of {', '.join(HOW)}")
        how, stage, table, columns, *needs = matched.groups(default="")
        found += [Origin(stage, table, column, how, needs=(needs[0], needs[1])) for column in columns.split(", ")]
    return found
