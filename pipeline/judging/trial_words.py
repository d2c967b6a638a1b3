"""What drawn slots added, in words and pictures: for the report, and for `nightjar trial`."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from pipeline.judging.report import charts
from pipeline.judging.trial import Outcome, Ranked, Tried
from pipeline.policies.intervals import Estimate
from pipeline.policies.trials import Support

FILE = "trial.json"
"""Of the stage `outcomes`: what tonight knows, by surface and arm, and by what."""
Found = Sequence[tuple[Outcome, Tried]]
HEAD = ("surface", "pairs", "listed", "withheld", "if listed", "adds", "with a model", "effective", "overlap")
AREAS = ("surface", "area of the score", "of the foretold uplift", "difference")


def write(found: Found, path: Path) -> None:
    """Write what was found; a number that is none is null."""
    rows = [{"by": asdict(by), "tried": asdict(tried)} for by, tried in found]
    path.write_text(json.dumps(_plain(rows), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read(path: Path) -> Found:
    """What was found; nothing where there is no file."""
    if not path.is_file():
        return []
    return [(Outcome(**row["by"]), _tried(row["tried"])) for row in json.loads(path.read_text(encoding="utf-8"))]


def _tried(row: dict[str, Any]) -> Tried:
    made = {name: _estimate(row[name]) for name in ("average", "modelled", "better")}
    ranked = {name: Ranked(**row[name] | {"area": _estimate(row[name]["area"])}) for name in ("score", "uplift")}
    means = {name: _number(row[name]) for name in ("without", "given")}
    support = Support(**{name: _number(value) for name, value in row["support"].items()})
    return Tried(**row | made | ranked | means | {"support": support})


def _estimate(row: dict[str, float | None]) -> Estimate:
    return Estimate(**{name: _number(value) for name, value in row.items()})


def _number(value: Any) -> Any:
    return math.nan if value is None else value


def cells(one: Tried) -> tuple[str, ...]:
    """A row of a table with HEAD."""
    support = one.support
    return (
        one.name,
        f"{support.pairs:,}",
        f"{support.treated:,}",
        _said(one.without),
        _said(one.given),
        _within(one.average),
        _within(one.modelled),
        f"{support.effective:,.0f}",
        f"{support.overlap:.0%}",
    )


def areas(one: Tried) -> tuple[str, ...]:
    """A row of a table with AREAS."""
    return one.name, *map(_within, (one.score.area, one.uplift.area, one.better))


def _said(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"


def _within(of: Estimate) -> str:
    return "-" if math.isnan(of.value) else f"{of.value:+.5f} [{of.low:+.5f}, {of.high:+.5f}]"


def section(found: Found) -> list[tuple[str, str]]:
    """The report's part: (title, HTML), or nothing where nothing is recorded whose days are over."""
    if not found:
        return []
    by = "; ".join(dict.fromkeys(f"{tried.surface}: {by}" for by, tried in found))
    note = (
        "What standing in the list adds, against the same items that the same draw kept out of it, with 95 % intervals "
        f"over users. {by}. Whether an application showed the list is not looked at. The curve is what listing the "
        "best pairs by a score brings, up to each share of them; the straight line is listing them by chance."
    )
    parts = [_table(HEAD, [cells(tried) for _, tried in found])]
    told = [tried for _, tried in found if tried.support.refusal() is None]
    if told:
        parts.append(_table(AREAS, [areas(tried) for tried in told]))
    parts += [_picture(tried) for tried in told]
    verdicts = "".join(f"<li>{escape(f'{tried.name}: {tried.verdict}')}</li>" for _, tried in found)
    return [("What drawn slots added", f'<p class="soft">{escape(note)}</p>{"".join(parts)}<ul>{verdicts}</ul>')]


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _picture(tried: Tried) -> str:
    curves = {
        name: (of.shares, of.gains)
        for name, of in (("the published score", tried.score), ("the foretold uplift", tried.uplift))
    }
    title = f"Qini curve of {tried.name}: the published score, drawn through, and the foretold uplift, dashed"
    return f"<h3>{escape(title)}</h3>{charts.qini(curves, f'Qini curve of {tried.name}')}"
