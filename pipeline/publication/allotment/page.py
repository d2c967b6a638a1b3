"""What the limits of a night's surfaces left, for people: a self-contained page, and lines for a terminal."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.ground.terminal import clean
from pipeline.publication.allotment.table import FILE, UNSAID, report

PAGE = "allotted.html"
SHOWN = 25
"""Things of a limit that are shown, the dearest first."""
STYLE = """
:root { color-scheme: light dark; --ground: #f6f5f1; --card: #fff; --ink: #1d2129; --soft: #646b78; --line: #e3e1da; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171c; --card: #1c2027; --ink: #e7e9ee; --soft: #99a1af;
  --line: #2e343e; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 900px; margin: 0 auto; padding: 32px 16px 48px; }
h1 { font-size: 26px; line-height: 1.25; } h2 { font-size: 19px; margin: 0 0 4px; }
h3 { font-size: 15px; margin: 22px 0 4px; }
p { margin: 4px 0; max-width: 75ch; } .soft { color: var(--soft); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 18px 20px;
  margin: 16px 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { padding: 5px 8px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 500; }
th:first-child, td:first-child { text-align: left; padding-left: 0; white-space: normal; overflow-wrap: anywhere; }
tr:last-child td { border-bottom: 0; }
"""
PRICE = (
    "The price is what one more would be worth: rows are given out as if each paid it, and a user gets what is best "
    "after paying. What is not used up has the price 0."
)


def write(out: Path, surfaces: list[str], run_id: str) -> None:
    """Write PAGE beside the tables of a run; no surface whose items are allotted: no page."""
    if surfaces:
        parts = [_section(name, said, out) for name, said in report(out, surfaces).items()]
        (out / PAGE).write_text(_page(run_id, parts), encoding="utf-8")


def lines(name: str, said: Mapping[str, Any]) -> list[str]:
    """What a manifest says of a surface, for a terminal."""
    found = [f"limits   {name}: {_given(said)}"]
    if said["unsaid"]:
        found.append(f"         {UNSAID}: {said['unsaid']:,}")
    for limit in said["limits"]:
        which = f" of {clean(limit['named'])}" if limit["things"] > 1 else ""
        scarce = f", one more{which} is worth {limit['price']:.4g}" if limit["price"] > 0 else ""
        found.append(f"         {clean(limit['limit'])}: {_used(limit)}{scarce}")
    return found


def _given(said: Mapping[str, Any]) -> str:
    more = f"at most {100 * said['gap']:.2g} % more is possible"
    return f"{said['rows']:,} rows for {said['users']:,} users, worth {said['worth']:,.6g}; {more}"


def _used(limit: Mapping[str, Any]) -> str:
    if limit["things"] == 1:
        return f"{limit['used']:,.6g} of {limit['most']:,.6g} used"
    return f"{limit['full']:,} of {limit['things']:,} used up"


def _page(run_id: str, sections: list[str]) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>What was given out</title><style>{STYLE}</style></head><body><main>"
        f'<p class="soft">run {escape(run_id)}</p><h1>What was given out within limits</h1><p class="soft">{PRICE}</p>'
        f"{''.join(sections)}</main></body></html>\n"
    )


def _section(name: str, said: Mapping[str, Any], out: Path) -> str:
    rows = pq.read_table(out / FILE.format(name)).to_pylist()
    parts = [f"<section><h2>{escape(name)}</h2><p>{escape(_given(said))}.</p>"]
    if said["unsaid"]:
        parts.append(f"<p>{UNSAID.capitalize()}: {said['unsaid']:,}.</p>")
    for number in sorted({row["number"] for row in rows}):
        mine = [row for row in rows if row["number"] == number]
        parts.append(f"<h3>{escape(mine[0]['limit'])}</h3>{_table(mine[:SHOWN])}")
        if len(mine) > SHOWN:
            parts.append(f'<p class="soft">and {len(mine) - SHOWN:,} more</p>')
    return "".join([*parts, "</section>"])


def _table(rows: list[dict[str, Any]]) -> str:
    cells = "".join(
        f"<tr><td><bdi>{escape(row['named'])}</bdi></td><td>{row['used']:,.6g}</td><td>{row['most']:,.6g}</td>"
        f"<td>{row['price']:.4g}</td></tr>"
        for row in rows
    )
    head = "<tr><th></th><th>used</th><th>of</th><th>price</th></tr>"
    return f'<div class="wide"><table>{head}{cells}</table></div>'
