"""A comparison as it is told: a table per pool and a sentence per surface, for a terminal or as Markdown."""

from collections.abc import Mapping, Sequence
from datetime import date

from pipeline.ground import terminal
from pipeline.operations.comparing.scores import PUBLISHED, Line, Table
from pipeline.settings.config import Config

FEW_USERS = 100
"""Below this many users an interval over them says little."""


def header(config: Config) -> list[str]:
    """The names of a table's columns."""
    judged = config.evaluate
    return ["list", f"NDCG@{judged.k}", f"Recall@{judged.deep}", "against the best simple list", "95 %", ""]


def cells(line: Line, best: str) -> list[str]:
    """One row of a table."""
    if line.name == best:
        return [line.name, f"{line.ndcg:.4f}", f"{line.recall:.4f}", "", "", "the best simple list"]
    interval = f"{line.low:+.4f} .. {line.high:+.4f}"
    return [line.name, f"{line.ndcg:.4f}", f"{line.recall:.4f}", f"{line.difference:+.4f}", interval, line.word]


def sentences(table: Table, config: Config) -> list[str]:
    """What the comparison means for each surface of a pool, plainly."""
    if not table.lines:
        said = "nobody could be judged, as no user with a history did what it recommends for after it"
        return [f"{surface}: {said}." for surface in table.surfaces]
    published, k = table.lines[0], config.evaluate.k
    other = next(line for line in table.lines if line.name == table.best)
    word = {"better": "better than", "worse": "worse than"}.get(published.word, published.word)
    said = (
        f"the published list is {word} the best simple list ({table.best}): NDCG@{k} {published.ndcg:.4f} "
        f"against {other.ndcg:.4f}, difference {published.difference:+.4f}, 95 % {published.low:+.4f} .. "
        f"{published.high:+.4f}, {table.users:,} users on {table.nights} night{'s' if table.nights > 1 else ''}."
    )
    if table.users < FEW_USERS:
        said += " So few users tell little: compare again on more nights."
    return [f"{surface}: {said}" for surface in table.surfaces]


def about(nights: Sequence[date], tuned_on: date, found: Mapping[str, str], number: int) -> list[str]:
    """What was compared, and how the simple lists came to their settings."""
    told = [f"Judged on the newest label window of {', '.join(map(str, nights))}."]
    if found:
        told.append(f"Simple lists were tuned in {number} trials each on the label window before these, of {tuned_on}:")
        told += [f"  {name}: {said}" for name, said in found.items()]
    elif number:
        told.append(f"No simple list could be tuned: nobody could be judged on {tuned_on}, before these windows.")
    else:
        told.append("No simple list was tuned (--trials 0).")
    return told


def plain(tables: Sequence[Table], preface: Sequence[str], config: Config) -> str:
    """For a terminal."""
    blocks = [list(preface)]
    for table in filter(lambda table: table.lines, tables):
        rows = [cells(line, table.best) for line in table.lines]
        numbers = header(config)[1:5]
        lines = terminal.table(header(config), rows, right=numbers)
        blocks.append([f"{', '.join(table.surfaces)} (pool {table.pool})", *lines])
    blocks.append([said for table in tables for said in sentences(table, config)])
    return "\n\n".join("\n".join(block) for block in blocks)


def markdown(tables: Sequence[Table], preface: Sequence[str], config: Config) -> str:
    """For a file."""
    text = ["# The published lists against simple ones", "", *(f"* {line.strip()}" for line in preface)]
    for table in tables:
        text += ["", f"## {', '.join(table.surfaces)} (pool `{table.pool}`)", ""]
        if table.lines:
            rows = [header(config), ["---", "---:", "---:", "---:", "---:", "---"]]
            rows += [cells(line, table.best) for line in table.lines]
            text += [f"| {' | '.join(f'**{c}**' if c == PUBLISHED else c for c in row)} |" for row in rows] + [""]
        text += sentences(table, config)
    return "\n".join(text) + "\n"
