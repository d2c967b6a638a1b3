"""The model card and the data sheet of a night, as Markdown: what it was made of and for, how good it is, and for whom.

All of it is read from the night's manifests, its settings and its evaluation, so the same night has the same card. It
names nobody.

Source: Mitchell et al., "Model Cards for Model Reporting", FAT* 2019; Gebru et al., "Datasheets for Datasets",
Communications of the ACM 64 (2021).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.judging import private
from pipeline.judging.gate import FINAL
from pipeline.judging.measuring import Measured
from pipeline.judging.report import page as report
from pipeline.settings.config import Config

FILE = "card.md"
SHOWN = ("ndcg", "precision", "recall", "hit_rate", "mrr", "coverage", "novelty")
"""The metrics of the card; the report has all."""
APART = ("features", "fusion", "ensemble", "fine_tune")
"""The stages behind the lists that are no source of them."""
Manifest = Mapping[str, Any]


@dataclass(frozen=True)
class Data:
    """What the lake says of the log up to a night.

    Attributes:
        nights: the nights that have a partition, the oldest first.
        events: events taken, by type; rows: read of the log; refused: rows that were not taken, duplicates included.
        without_user: events of nobody who is known.
    """

    nights: Sequence[date]
    events: Counter[str]
    rows: int
    refused: int
    without_user: int

    @classmethod
    def of(cls, config: Config, run_date: date) -> "Data":
        """Read the manifests of the nights' partitions; one that is damaged is left out."""
        nights, events = list[date](), Counter[str]()
        counts: Counter[str] = Counter()
        for folder in artifacts.partitions_until(config.lake_of_nights, "ingest", run_date):
            try:
                said = artifacts.read_manifest(folder)["report"]
            except InputError:
                continue
            nights.append(artifacts.run_date_of(folder))
            quality = said.get("quality") or {}
            for of in quality.get("types") or []:
                events[of["type"]] += of["events"]
            counts["rows"] += quality.get("rows") or 0
            counts["nobody"] += quality.get("null_users") or 0
            counts["refused"] += said.get("rejects") or 0
        return cls(nights, events, counts["rows"], counts["refused"], counts["nobody"])


def write(page: report.Page, made_of: Iterable[Path], out: Path) -> None:
    """Write a night's card.

    Args:
        page: the night's evaluation.
        made_of: the folders of the stages that its lists were made from; of the language model's training only the lake
            knows, as no list comes from it.
        out: the folder that gets it.
    """
    tuned = artifacts.stage_dir(page.config.lake, "fine_tune", page.run_date)
    folders = filter(artifacts.is_finished, [*made_of, tuned])
    manifests = {artifacts.stage_of(folder): artifacts.read_manifest(folder) for folder in folders}
    (out / FILE).write_text(text(page, Data.of(page.config, page.run_date), manifests), encoding="utf-8")


def text(page: report.Page, data: Data, manifests: Mapping[str, Manifest]) -> str:
    """The card.

    Args:
        page: the night's evaluation.
        data: the log.
        manifests: of the stages that the night was made from, by name; what is absent is left out.
    """
    parts = [
        f"# Model card: the night of {page.run_date}",
        *_purpose(page.config, manifests),
        *_made(page, manifests),
        *_sheet(page.config, data),
        *_quality(page),
        *_groups(page),
        *_limits(page),
        *_people(page.config, manifests),
    ]
    return "\n".join(parts) + "\n"


def _purpose(config: Config, manifests: Mapping[str, Manifest]) -> Iterator[str]:
    said = manifests.get("features", {}).get("report", {})
    yield f"\nRecommendations for {_number(said.get('users'))} users among {_number(said.get('items'))} items.\n"
    yield from _table(
        ("surface", "shows", "made for", "within", "length"),
        (
            (
                surface.name,
                "what the user has had too" if surface.repeats else "what is new to the user",
                ", ".join(surface.goal) or ", ".join(_labels(config)),
                f"{config.horizon_of(config.pool(surface))} days",
                surface.k,
            )
            for surface in config.surfaces
        ),
    )
    yield (
        "\nFor whoever shows a user what the user may want next. Not for decisions about people (credit, work, prices "
        "of one's own): a score says how likely a user is to act on an item here, and nothing else."
    )


def _made(page: report.Page, manifests: Mapping[str, Manifest]) -> Iterator[str]:
    """What was learned, from what, by which code."""
    config = page.config
    yield "\n## How it was made\n"
    sources = [name for name in manifests if name not in APART and config.enabled(name)]
    if sources:
        yield f"* Candidates from {', '.join(sources)}."
    for name, one in config.fusion.rankers.items():
        yield f"* Ranker `{name}`: LightGBM, {config.fusion.rounds} trees, {one.objective}."
    for pool in config.pools:
        if pool in page.fallen:
            yield f"* {page.surfaces(pool)}: {page.fell_back(pool)}."
        elif said := page.single(pool):
            yield f"* {page.surfaces(pool)}: {said}."
    if "fine_tune" in manifests:
        tuned = manifests["fine_tune"]["report"]
        name, steps = config.fine_tune.model, tuned.get("steps", 0)
        if name == "none":
            yield "* No language model: an item is known by the words of its text."
        else:
            yield f"* Encoder {name}, {steps} steps of fine-tuning, for {_number(tuned.get('texts'))} texts."
    evaluated = next(iter(manifests.values()), {})
    yield f"* Code {evaluated.get('code_version', 'unknown')}, seed {config.seed}."
    yield ""
    hashes = ((name, manifest["config_hash"]) for name, manifest in sorted(manifests.items()))
    yield from _table(("stage", "settings"), hashes)


def _sheet(config: Config, data: Data) -> Iterator[str]:
    """The data sheet: which log, how much of it, and what was left out."""
    yield "\n## Data sheet\n"
    if not data.nights:
        yield "Nothing is known of the log."
        return
    yield f"* {len(data.nights):,} nights of the log, {data.nights[0]} to {data.nights[-1]}."
    yield f"* {data.rows:,} rows read, {sum(data.events.values()):,} events taken, {data.refused:,} rows refused."
    yield f"* {data.without_user:,} events of nobody who is known: they count for items, and teach no list of a user."
    declared = [*config.user_attributes], [*config.item_attributes]
    for whom, names in zip(("users", "items"), declared, strict=True):
        yield f"* Declared of {whom}: {', '.join(map(_cell, names)) or 'nothing'}."
    yield ""
    types = config.features.event_types
    rows = (
        (name, f"{count:,}", types[name].weight if name in types else "none", "yes" if name in _labels(config) else "")
        for name, count in sorted(data.events.items())
    )
    yield from _table(("event", "events", "weight", "what is recommended for"), rows)


def _quality(page: report.Page) -> Iterator[str]:
    """The gate's answer, and the final lists' metrics."""
    first, last = page.window
    yield "\n## How good it is\n"
    yield f"Judged by what users did from {first} to {last}, which nothing that is judged had seen."
    yield f"The gate {'says no' if page.reasons else 'lets it pass'}: {page.decision}."
    yield from (f"* {_cell(reason)}" for reason in page.reasons)
    for pool in page.config.pools:
        found = [row for row in page.measured if (row.pool, row.list, row.bucket_kind) == (pool, FINAL, "overall")]
        shown = [row for row in found if row.metric.partition("@")[0] in SHOWN]
        yield f"\n**{page.surfaces(pool)}**\n"
        if not shown:
            yield "Nobody could be judged."
            continue
        yield from _table(("metric", "value", "95 %", "users"), map(_measured, shown))
        against = {
            "the best simple list": page.best_single(pool),
            "the table in use, or the baseline": page.main_comparison(pool),
        }
        for name, other in against.items():
            if other is not None:
                yield f"\nAgainst {name} ({report.opponent_name(other)}): {other}."


def _groups(page: report.Page) -> Iterator[str]:
    """The gate's metric by group of users and of items."""
    yield "\n## For whom\n"
    kinds = [*dict.fromkeys(row.bucket_kind for row in page.measured if row.bucket_kind != "overall")]
    rows = [
        (page.surfaces(pool), row.bucket_kind, row.bucket, *_measured(row)[1:])
        for pool in page.config.pools
        for kind in kinds
        for row in page.measured
        if (row.pool, row.list, row.bucket_kind) == (pool, FINAL, kind) and row.metric == page.gate_metric
    ]
    if not rows:
        yield "No group was large enough to be judged by itself."
        return
    yield from _table(("surfaces", "of", "group", page.gate_metric, "95 %", "users"), rows)


def _limits(page: report.Page) -> Iterator[str]:
    yield "\n## Limits\n"
    if page.worth:
        yield f"* {page.worth}"
    yield "* Past logs favour what was shown: a list that is better in items nobody was shown is judged too low."
    yield "* Who has no history gets what is popular with people of the same segment, or with all."
    yield "* The judged window ends on the last Sunday; what changed since is not in these figures."


def _people(config: Config, manifests: Mapping[str, Manifest]) -> Iterator[str]:
    """What is done for the people in the log."""
    yield "\n## People\n"
    yield f"* Ids are {'pseudonyms (HMAC-SHA256)' if config.ingest.pseudonyms else 'stored as the log has them'}."
    kept = config.retention.event_days
    yield f"* Events are kept {f'for {kept} days' if kept else 'until they are removed by hand'}."
    yield from (f"* {one}" for one in [*private.spent(manifests)] or ["No stage was made with differential privacy."])
    yield "* Whether a person approved the night, and who, is in Airflow's run; the gate decides where nobody is asked."


def _labels(config: Config) -> list[str]:
    return [name for name, kind in config.features.event_types.items() if kind.label]


def _measured(row: Measured) -> tuple[str, str, str, str]:
    """A metric's name, value, interval, and of how many users it is a mean; of none where it is of the lists."""
    if row.low is None or row.high is None:
        return row.metric, f"{row.value:.4f}", "", "" if row.bucket_kind == "overall" else f"{row.users:,}"
    return row.metric, f"{row.value:.4f}", f"{row.low:.4f} to {row.high:.4f}", f"{row.users:,}"


def _number(count: object) -> str:
    return f"{count:,}" if isinstance(count, int) else "unknown"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(_cell(value) for value in row)} |"


def _cell(value: object) -> str:
    """A value in a line of Markdown: what would end a cell or begin markup is written out, what steers is left out."""
    plain = "".join(character for character in " ".join(str(value).split()) if character.isprintable())
    return re.sub(r"([\\|*`\[\]])", r"\\\1", plain).replace("&", "&amp;").replace("<", "&lt;")
