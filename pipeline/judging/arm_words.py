"""What came of an experiment's arms, in words: for the report, and for `nightjar arms`."""

import json
from collections.abc import Iterator
from html import escape
from typing import Any

from pipeline.judging.arms import MEASURES, Known
from pipeline.policies.sequences import LEAST
from pipeline.settings.sections.experiment import Experiment
from pipeline.settings.sections.publication import Explore

Row = dict[str, Any]
_DEFAULTS = {name: field.default for name, field in Explore.model_fields.items() if not field.is_required()}
HEAD = ("surface", "measure", "arm", "users", "user-days", "total", "per user-day", "minus control", "95 % sequence")


def newest(known: Known) -> list[Row]:
    """The last look, by surface, measure and arm; measures of which nothing happened are left out."""
    rows: list[Row] = known.looks.to_pylist()
    rows = [row for row in rows if row["day"] == rows[-1]["day"]]
    seen = {row["measure"] for row in rows if row["total"]}
    arms = [arm["name"] for arm in known.experiment["arms"]]
    chosen = [row for row in rows if row["measure"] in seen]
    return sorted(chosen, key=lambda r: (r["surface"], MEASURES.index(r["measure"]), arms.index(r["arm"])))


def cells(row: Row) -> list[str]:
    """A row of a table with HEAD."""
    difference, low, high = (row[name] for name in ("difference", "low", "high"))
    return [
        row["surface"],
        row["measure"],
        row["arm"],
        f"{row['users']:,}",
        f"{row['user_days']:,}",
        f"{row['total']:,}",
        f"{row['mean']:.4f}",
        "" if difference is None else f"{difference:+.4f}",
        "" if low is None else f"{low:+.4f} to {high:+.4f}",
    ]


def verdicts(known: Known, experiment: Experiment) -> list[str]:
    """A sentence for every surface and arm but the control, by the metric of the settings."""
    control, metric = experiment.control.name, experiment.metric
    rows = [row for row in known.looks.to_pylist() if row["measure"] == metric]
    rows = [row for row in rows if row["day"] == rows[-1]["day"] and row["arm"] != control]
    arms = [arm.name for arm in experiment.arms]
    rows.sort(key=lambda row: (row["surface"], arms.index(row["arm"])))
    return [f"{row['surface']}: {_verdict(row, control, metric)}" for row in rows]


def _verdict(row: Row, control: str, metric: str) -> str:
    arm, low, high = (row[name] for name in ("arm", "low", "high"))
    if low is None:
        return f"nothing can be said yet of {arm}: too few users have any {metric} ({LEAST} of each arm are needed)"
    if low > 0:
        return f"{arm} is better than {control}"
    if high < 0:
        return f"{arm} is worse than {control}"
    return f"nothing can be said yet of {arm}: it may be better than {control} or worse"


def overlay(arm: dict[str, Any]) -> str:
    """What an arm has that the shop has not: settings as in a TOML file, between commas."""
    return ", ".join(f"{key} = {toml(value)}" for key, value in settings(arm["overlay"]))


def settings(given: dict[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    """The keys of an overlay, with dots, that are set, and as its file has them: of slots drawn no defaults."""
    for key, value in given.items():
        if isinstance(value, dict) and key == "explore":
            yield f"{at}{key}", {name: one for name, one in value.items() if one != _DEFAULTS.get(name)}
        elif isinstance(value, dict):
            yield from settings(value, f"{at}{key}.")
        elif value is not None:
            yield f"{at}{key}", value


def toml(value: Any) -> str:
    """A value as a TOML file has it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(one)}" for key, one in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def section(known: Known | None, experiment: Experiment) -> list[tuple[str, str]]:
    """The report's part: (title, HTML), or nothing where no experiment has been looked at."""
    if known is None or not len(known.looks):
        return []
    note = (
        f"Users in arms since {experiment.since}, counted up to {known.through}: what they did per day on which they "
        "had a list, whether they did anything or not. The sequence covers the truth on all nights together in 95 of "
        f"100 experiments, so that it may be looked at every night. The verdict is by {experiment.metric}; what "
        "the gate judges are the control's lists."
    )
    said = "".join(f"<li>{escape(words)}</li>" for words in verdicts(known, experiment))
    rows = newest(known)
    tables = "".join(
        _table(name, [r for r in rows if r["surface"] == name])
        for name in dict.fromkeys(row["surface"] for row in rows)
    )
    made = "".join(
        f"<li>{escape(arm['name'])}, {arm['share']:.0%}: {escape(overlay(arm) or 'the settings of the shop')}</li>"
        for arm in known.experiment["arms"]
    )
    title = f"Experiment {experiment.name}"
    return [(title, f'<p class="soft">{escape(note)}</p><ul>{said}</ul>{tables}<ul class="soft">{made}</ul>')]


def _table(surface: str, rows: list[Row]) -> str:
    """What the report says of a surface; its first column has the measure and the arm."""
    lines = [[", ".join(made[1:3]), *made[3:]] for made in map(cells, rows)]
    head = "".join(f"<th>{escape(name)}</th>" for name in (", ".join(HEAD[1:3]), *HEAD[3:]))
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>" for line in lines)
    table = f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    return f"<h3>{escape(surface)}</h3>{table}"
