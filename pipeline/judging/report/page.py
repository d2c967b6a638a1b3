"""What an evaluation says: the numbers by name, the opponents, the decision, and a plain-text table for the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

from pipeline.ground.lists import Pool
from pipeline.judging.champion import Champion
from pipeline.judging.gate import CHAMPION, FEW_USERS, FINAL, Comparison
from pipeline.judging.measuring import Measured
from pipeline.judging.report import words
from pipeline.judging.samples import Sample
from pipeline.ranking.finals import Recipe
from pipeline.settings.config import Config
from pipeline.sources import registry

FUSED_STAGES = ("fusion", "ensemble")

FUSED_TITLES = {
    "blend": "Alpha blend",
    "hybrid": "Learned hybrid",
    "hybrid_binary": "Learned hybrid (log loss)",
    "weighted": "Weighted average",
    "reciprocal_rank": "Reciprocal rank",
    "borda": "Borda count",
    "final": "Tonight's table",
    "champion": "Table in use",
}


def title(name: str) -> str:
    """A list's name for people; a name that is not known stays as it is."""
    made = registry.candidate_lists().get(name)
    return made.title if made else FUSED_TITLES.get(name, name)


@dataclass(frozen=True)
class Page:
    """Everything the report is made from.

    Attributes:
        run_date: the night; cutoff: the judged cut-off, whose label window is the horizon after it.
        opponent: the table in use, or None.
        measured: the metrics of all lists; comparisons: the final list against all others.
        reasons: why the gate says no; empty if it says yes.
        stages: the stage that made each list.
        config: the night's configuration.
        recipes: how tonight's final lists were made; a pool that is absent: nobody says.
        samples: a few users' lists.
        fallen: the pools whose lists are the baseline's, as their own lost to it, each with why.
        untouched: whether nobody ever did anything.
    """

    run_date: date
    cutoff: date
    opponent: Champion | None
    measured: tuple[Measured, ...]
    comparisons: tuple[Comparison, ...]
    reasons: tuple[str, ...]
    stages: Mapping[str, str]
    config: Config
    recipes: Mapping[Pool, Recipe] = field(default_factory=dict)
    samples: tuple[Sample, ...] = ()
    untouched: bool = False
    fallen: Mapping[Pool, str] = field(default_factory=dict)

    @property
    def decision(self) -> str:
        """What the gate says: passed, baseline only, first publication, blocked, overridden."""
        if self.reasons:
            return "blocked" if self.config.evaluate.block else "overridden"
        if self.opponent is None:
            return "first publication"
        return "passed" if self.opponent.lists else "baseline only"

    @property
    def gate_metric(self) -> str:
        """The metric that decides, with its k."""
        settings = self.config.evaluate
        return f"{settings.gate_metric}@{settings.depth}"

    @property
    def window(self) -> tuple[date, date]:
        """First and last day of the judged window."""
        return self.cutoff + timedelta(days=1), self.cutoff + timedelta(days=self.config.horizon_days)

    @cached_property
    def _by_name(self) -> dict[tuple[str, ...], Measured]:
        return {(row.pool, row.list, row.bucket_kind, row.bucket, row.metric): row for row in self.measured}

    def find(
        self, pool: Pool, name: str, metric: str, kind: str = "overall", bucket: str = "everyone"
    ) -> Measured | None:
        """One number, or None if there is none."""
        return self._by_name.get((pool, name, kind, bucket, metric))

    def lists(self, pool: Pool) -> list[str]:
        """Names of the judged lists, in data-flow order, the champion last."""
        return list(dict.fromkeys(row.list for row in self.measured if row.pool == pool))

    def is_repeated(self, pool: Pool, name: str) -> bool:
        """Whether a list is another step's on the way to tonight's table and was not changed since, user by user."""
        if name in (FINAL, CHAMPION) or self.stages.get(name) not in FUSED_STAGES:
            return False
        against = self.versus(pool, name)
        if against is None or not against.difference == against.low == against.high == 0:
            return False
        pairs = ((self.find(pool, name, metric), self.find(pool, FINAL, metric)) for metric in self.metrics(pool))
        return all((one and one.value) == (other and other.value) for one, other in pairs)

    def shown(self, pool: Pool) -> list[str]:
        """The judged lists, without those that are the very same as tonight's table."""
        return [name for name in self.lists(pool) if not self.is_repeated(pool, name)]

    def metrics(self, pool: Pool) -> list[str]:
        """Names of the overall metrics."""
        return list(dict.fromkeys(row.metric for row in self.measured if row.pool == pool))

    def versus(self, pool: Pool, name: str, metric: str = "") -> Comparison | None:
        """The final list against another on a metric (default: the gate's)."""
        wanted = (pool, name, metric or self.gate_metric)
        return next((c for c in self.comparisons if (c.pool, c.versus, c.metric) == wanted), None)

    def main_comparison(self, pool: Pool) -> Comparison | None:
        """The final list against the table in use; without one, against the baseline."""
        return self.versus(pool, CHAMPION) or self.versus(pool, self.config.evaluate.baseline)

    def headline(self, pool: Pool) -> Comparison | None:
        """What says whether the night was worth it: the final list against the best simple one, a single model's."""
        return self.best_single(pool) or self.main_comparison(pool)

    @property
    def worth(self) -> str:
        """What tonight's tables are worth where hardly anybody could be judged, in plain words; else empty."""
        judged = max((comparison.users for comparison in self.comparisons), default=0)
        if judged >= FEW_USERS:
            return ""
        if self.untouched:
            return words.said(words.UNTOUCHED, self.config)
        days = (self.run_date - self.cutoff).days
        return words.said(
            words.FEW if judged else words.NOBODY, self.config, judged=judged, cutoff=self.cutoff, days=days
        )

    def best_single(self, pool: Pool) -> Comparison | None:
        """The final list against the best list of a single model, on the gate's metric."""
        single = [c for c in self.opponents(pool) if self.stages.get(c.versus, FUSED_STAGES[0]) not in FUSED_STAGES]
        return max(single, key=lambda c: c.other, default=None)

    def best_member(self, pool: Pool) -> Comparison | None:
        """The final list against the best of the lists it is merged from, on the gate's metric."""
        members = [c for c in self.opponents(pool) if c.versus in self.config.ensemble.members]
        return max(members, key=lambda c: c.other, default=None)

    def opponents(self, pool: Pool) -> list[Comparison]:
        """The final list against every other one of a pool, on the gate's metric."""
        return [c for c in self.comparisons if c.pool == pool and c.metric == self.gate_metric]

    def single(self, pool: Pool) -> str:
        """Which single model's list takes part in tonight's, in a sentence; empty where none does."""
        recipe = self.recipes.get(pool)
        if recipe is None or recipe.single is None:
            return ""
        name = title(recipe.single)
        if recipe.alone:
            return f"Tonight's list is “{name}” alone: on the label windows nothing that was learned did better"
        return (
            f"Tonight's list takes {recipe.share:.0%} of its score from “{name}”: the two err differently, and on "
            "the label windows nothing did clearly better"
        )

    def fell_back(self, pool: Pool) -> str:
        """That a pool's lists are the baseline's, and why, in a sentence."""
        name = title(self.config.evaluate.baseline)
        return f"“{name}” is published on {self.surfaces(pool)}, a first table instead of none: {self.fallen[pool]}"

    def surfaces(self, pool: Pool) -> str:
        """Names of the surfaces that draw on a pool."""
        drawing = (surface.name for surface in self.config.surfaces if self.config.pool(surface) == pool)
        return ", ".join(drawing) or "no surface"


def opponent_name(comparison: Comparison) -> str:
    """The other side of a comparison, within a sentence."""
    return "the table in use" if comparison.versus == CHAMPION else title(comparison.versus).lower()


def simple_name(comparison: Comparison) -> str:
    """The best simple list, by name."""
    name = opponent_name(comparison)
    return name if comparison.versus == CHAMPION else f"the best simple list, {name}"


def outcome(comparison: Comparison) -> str:
    """Who won, in a word: better, worse, the same (user by user), no clear difference, too few to tell."""
    if comparison.users < FEW_USERS:
        return "too few to tell"
    if comparison.significant:
        return "better" if comparison.difference > 0 else "worse"
    if comparison.low == comparison.high == 0:
        return "the same"
    return "no clear difference"


def together(comparisons: Sequence[Comparison]) -> str:
    """How many comparisons are won and lost if all of them are to be right at once, in a sentence.

    Whoever compares with many lists finds some better by chance; Bonferroni's intervals, of 95 % for all together,
    allow for that. The best of the others is picked on the same users, which speaks for it, not for tonight's table.
    """
    wide = [c for c in comparisons if c.all_low is not None and c.all_high is not None]
    if not wide:
        return ""
    won, lost = sum((c.all_low or 0) > 0 for c in wide), sum((c.all_high or 0) < 0 for c in wide)
    return (
        f"All {len(wide)} comparisons held to at once (Bonferroni, 95 % for all together): tonight's table is better "
        f"than {won} of the lists and worse than {lost}."
    )


def relative(comparison: Comparison) -> tuple[str, str]:
    """The difference as per cent of the other side, and its interval; absolute where that is 0."""
    numbers = (comparison.difference, comparison.low, comparison.high)
    if comparison.other <= 0:
        middle, low, high = (f"{number:+.3f}" for number in numbers)
        return middle, f"{low} to {high}"
    middle, low, high = (f"{100 * number / comparison.other:+.1f}" for number in numbers)
    return f"{middle} %", f"{low} to {high} %"


def aligned(rows: list[list[str]]) -> str:
    """Rows as text with aligned columns: the first to the left, numbers to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def summary(page: Page) -> str:
    """Lists x metrics per pool, the comparisons that count, and the decision, as plain text."""
    first, last = page.window
    blocks = [f"judged on what users did from {first} to {last}", *filter(None, [page.worth])]
    for pool in page.config.pools:
        columns = [name for name in page.metrics(pool) if not name.startswith("decision_")]
        if not columns:
            blocks.append(f"pool {pool} ({page.surfaces(pool)}): nothing to judge")
            continue
        rows = [[f"pool {pool} ({page.surfaces(pool)})", *columns]]
        for name in page.shown(pool):
            cells = (page.find(pool, name, metric) for metric in columns)
            rows.append([f"  {name}", *(f"{cell.value:.4f}" if cell else "" for cell in cells)])
        opponents = [
            page.versus(pool, CHAMPION),
            page.best_single(pool),
            page.best_member(pool),
            page.versus(pool, page.config.evaluate.baseline),
        ]
        lines = [f"  against {c.versus}: {c}" for c in dict.fromkeys(filter(None, opponents))]
        lines += [f"  {single}"] if (single := page.single(pool)) else []
        blocks.append("\n".join([aligned(rows), *lines]))
    said = [*page.reasons, *(page.fell_back(pool) for pool in page.fallen)]
    blocks.append("\n".join([f"gate: {page.decision}", *(f"  {reason}" for reason in said)]))
    return "\n\n".join(blocks)
