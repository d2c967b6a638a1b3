"""How good a classifier is in each language, and whether it is worse in one than in the others.

by_language.parquet    SCHEMA
quality.md             the same for people, with a sentence on each language that is judged worse than the rest
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.words import quality
from pipeline.words.quality import Judged
from pipeline.words.spoken import Spoken

log = logging.getLogger(__name__)

Row = dict[str, object]
FILE, CARD = "by_language.parquet", "quality.md"
SCHEMA = pa.schema(
    [
        pa.field("label_set", pa.string()),
        pa.field("language", pa.string()),  # one of languages.declared, "other" or "unknown"
        pa.field("metric", pa.string()),  # as in quality.METRICS, and DIFFERENCE
        pa.field("value", pa.float64()),
        pa.field("low", pa.float64()),
        pa.field("high", pa.float64()),
        pa.field("documents", pa.int32()),  # that judge it
    ]
)
DIFFERENCE = "than_the_rest"
"""The share of documents of which the classifier is right, less that of all documents in other languages."""
SHOWN = {
    "accuracy": "accuracy",
    "answered": "given a label",
    "precision": "of these right",
    DIFFERENCE: "than the rest",
}


def figures(name: str, judged: Judged, languages: np.ndarray, seed: int) -> list[Row]:
    """SCHEMA of a label set, language by language; those of fewer than `quality.FEW` documents say nothing.

    Args:
        name: the label set.
        judged: [N] documents that did not teach.
        languages: [N] text, of each.
        seed: of the resamples.
    """
    rows: list[Row] = []
    for language, number in zip(*np.unique(languages.astype(str), return_counts=True), strict=True):
        mine = languages == language
        if number < quality.FEW:
            continue
        for row in quality.over_all(name, judged.take(mine), seed):
            rows.append({key: row.get(key) for key in SCHEMA.names} | {"language": str(language)})
        if (~mine).sum() >= quality.FEW:
            rows.append({"label_set": name, "language": str(language)} | _difference(judged.right, mine, seed))
    return rows


def _difference(right: np.ndarray, mine: np.ndarray, seed: int) -> Row:
    """The row of DIFFERENCE, bool [N] each: which documents it is right of, and which are in the language."""
    columns = np.stack([right & mine, mine, right & ~mine, ~mine], axis=1).astype(np.float64)
    drawn = np.concatenate(list(quality.resampled(columns, seed)))
    with np.errstate(invalid="ignore", divide="ignore"):
        found = drawn[:, 0] / drawn[:, 1] - drawn[:, 2] / drawn[:, 3]
    low, high = np.nanquantile(found, [0.025, 0.975])
    value = right[mine].mean() - right[~mine].mean()
    return {
        "metric": DIFFERENCE,
        "value": float(value),
        "low": float(low),
        "high": float(high),
        "documents": int(mine.sum()),
    }


def worse(rows: Iterable[Mapping[str, object]]) -> list[str]:
    """The languages in which the classifier is significantly worse than in the others."""
    return [str(one["language"]) for one in rows if one["metric"] == DIFFERENCE and float(str(one["high"])) < 0]


def write(out: Path, sets: Sequence[tuple[str, list[Row]]], spoken: Spoken | None) -> dict[str, object]:
    """Write a night's files, and give what of them stands in the manifest; nothing where no languages are declared.

    Args:
        out: the stage's folder.
        sets: the rows of each label set.
        spoken: the languages of documents.
    """
    if spoken is None:
        return {}
    rows = [row for _, of in sets for row in of]
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), out / FILE, compression="zstd")
    (out / CARD).write_text("\n".join(_card(sets)) + "\n", encoding="utf-8")
    report: dict[str, object] = {}
    for name, of in sets:
        report |= {f"{name}: {row['metric']}: {row['language']}": row["value"] for row in of if row["metric"] in SHOWN}
        report[f"{name}: worse in"] = ", ".join(worse(of))
        for language in worse(of):
            log.warning("classify: %s is judged worse in %s than in the rest; see %s", name, language, CARD)
    return report


def _card(sets: Sequence[tuple[str, list[Row]]]) -> Iterator[str]:
    yield "# Labels by language"
    yield (
        "\nJudged on the latest labelled documents, which taught nothing that is judged: 95 % intervals over them.\n"
        f"Languages with fewer than {quality.FEW} of them are left out."
    )
    for name, rows in sets:
        yield f"\n## {name}\n"
        if not rows:
            yield "Nothing could be judged."
            continue
        yield f"| language | documents | {' | '.join(SHOWN.values())} |"
        yield f"|{'---|' * (len(SHOWN) + 2)}"
        for language in dict.fromkeys(str(row["language"]) for row in rows):
            mine = {str(row["metric"]): row for row in rows if row["language"] == language}
            cells = [_figure(mine.get(metric)) for metric in SHOWN]
            yield f"| {language} | {mine['answered']['documents']} | {' | '.join(cells)} |"
        for language in worse(rows):
            yield f"\n**{language} is judged worse than the rest.** Labels of its documents would teach most."


def _figure(row: Mapping[str, object] | None) -> str:
    if row is None or row["value"] is None:
        return ""
    sign = "+" if row["metric"] == DIFFERENCE else ""
    if row["low"] is None:
        return f"{row['value']:{sign}.3f}"
    return f"{row['value']:{sign}.3f} [{row['low']:{sign}.3f}, {row['high']:{sign}.3f}]"
