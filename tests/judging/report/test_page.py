"""What the report says of numbers that are known."""

from dataclasses import replace
from datetime import date

import pytest

from pipeline.judging.champion import Champion
from pipeline.judging.gate import Comparison
from pipeline.judging.measuring import Measured
from pipeline.judging.report import page as report
from pipeline.judging.report.page import Page
from pipeline.settings.sections.lists import Evaluate
from pipeline.sources.configuration import FullConfig

STAGES = {"als": "als", "popularity": "popularity", "weighted": "ensemble", "final": "ensemble"}


def against(versus: str, other: float, low: float, high: float, metric: str = "ndcg@10") -> Comparison:
    return Comparison("all", versus, metric, 0.4, other, 0.4 - other, low, high, 900)


def made(*comparisons: Comparison, opponent: bool = False, reasons: tuple[str, ...] = (), block: bool = True) -> Page:
    values = {"als": 0.3, "popularity": 0.1, "weighted": 0.41, "final": 0.4}
    champion = Champion("r", date(2011, 10, 2), "in use", {"all": None})  # type: ignore[dict-item]
    return Page(
        run_date=date(2011, 10, 3),
        cutoff=date(2011, 9, 18),
        opponent=champion if opponent else None,
        measured=tuple(
            Measured("all", n, "overall", "everyone", "ndcg@10", v, 0.0, 1.0, 900) for n, v in values.items()
        ),
        comparisons=comparisons,
        reasons=reasons,
        stages=STAGES,
        config=FullConfig(evaluate=Evaluate(block=block)),
    )


@pytest.mark.parametrize(
    ("page", "decision"),
    [
        (made(), "first publication"),
        (made(opponent=True), "passed"),
        (made(opponent=True, reasons=("x",)), "blocked"),
        (made(reasons=("x",), block=False), "overridden"),
    ],
)
def test_the_decision(page: Page, decision: str) -> None:
    assert page.decision == decision


@pytest.mark.parametrize(
    ("users", "untouched", "said"),
    [
        (900, False, ""),
        (10, False, ""),
        (9, False, "9 customers could be judged, and so few say nothing"),
        (
            0,
            False,
            "2011-09-18 did anything in the days after it. That needs a log of more than 15 days",
        ),
        (0, True, "the tables are made of the catalogue alone: popular_items has the newest products first"),
    ],
)
def test_what_tables_are_worth_that_could_not_be_judged(users: int, untouched: bool, said: str) -> None:
    compared = [replace(against("als", 0.3, 0, 1), users=users)] if users else []
    page = replace(made(*compared), untouched=untouched)
    assert (said in page.worth) if said else page.worth == ""
    assert page.worth in report.summary(page)


def test_a_list_that_is_tonights_to_the_last_user_is_shown_once() -> None:
    same, other = against("weighted", 0.4, 0, 0), against("als", 0.4, 0, 0)
    page = replace(made(same, other), measured=tuple(row._replace(value=0.4) for row in made().measured))
    assert page.shown("all") == ["als", "popularity", "final"]  # a single model's list is news, also where it is equal
    assert "weighted" not in report.summary(page)
    moved = tuple(row._replace(value=0.41) if row.list == "weighted" else row for row in page.measured)
    assert replace(page, measured=moved).shown("all") == ["als", "popularity", "weighted", "final"]
    assert made(against("weighted", 0.4, -0.01, 0.01)).shown("all") == ["als", "popularity", "weighted", "final"]


def test_an_opponent_without_lists_leaves_the_baseline_only() -> None:
    page = made()
    page = Page(**page.__dict__ | {"opponent": Champion("r", date(2011, 10, 2), "gone", {})})
    assert page.decision == "baseline only"


def test_the_best_single_model_is_no_fusion_and_no_champion() -> None:
    page = made(against("als", 0.3, 0, 1), against("popularity", 0.1, 0, 1), against("weighted", 0.41, -1, 0),
                against("champion", 0.39, 0, 1), against("als", 0.9, 0, 1, "recall@50"))  # fmt: skip
    best = page.best_single("all")
    assert best is not None
    assert (best.versus, best.metric) == ("als", "ndcg@10")
    assert page.best_single("new") is None


def test_the_comparison_that_counts_is_with_the_champion_if_there_is_one() -> None:
    base, champion = against("popularity", 0.1, 0.2, 0.4), against("champion", 0.39, -0.1, 0.1)
    assert made(base).main_comparison("all") == base
    assert made(base, champion).main_comparison("all") == champion
    assert made().main_comparison("all") is None


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [(0.01, 0.2, "better"), (-0.1, 0.2, "no clear difference"), (0.0, 0.0, "the same")],
)
def test_the_outcome(low: float, high: float, word: str) -> None:
    assert report.outcome(against("champion", 0.3, low, high)) == word


def test_a_worse_outcome() -> None:
    worse = Comparison("all", "champion", "ndcg@10", 0.3, 0.4, -0.1, -0.2, -0.05, 10)
    assert report.outcome(worse) == "worse"
    assert report.outcome(replace(worse, users=9)) == "too few to tell"
    assert not replace(worse, users=9).significant


def test_relative_to_the_other_side() -> None:
    assert report.relative(against("als", 0.32, 0.04, 0.12)) == ("+25.0 %", "+12.5 to +37.5 %")
    assert report.relative(against("als", 0.0, 0.3, 0.5)) == ("+0.400", "+0.300 to +0.500")


def test_the_gate_metric_has_its_own_depth() -> None:
    assert made().gate_metric == "ndcg@10"
    assert (
        Page(**made().__dict__ | {"config": FullConfig(evaluate=Evaluate(gate_metric="recall"))}).gate_metric
        == "recall@50"
    )


def test_the_window_is_the_horizon_after_the_cutoff() -> None:
    assert made().window == (date(2011, 9, 19), date(2011, 10, 2))


def test_the_summary_lines_up() -> None:
    text = report.summary(made(against("als", 0.3, 0.05, 0.15), reasons=("too bad",)))
    lines = text.splitlines()
    header = next(i for i, line in enumerate(lines) if line.startswith("pool all (for_you)"))
    table = lines[header : header + 5]
    assert len({len(line) for line in table}) == 1
    assert table[4].split() == ["final", "0.4000"]
    assert "against als: ndcg@10 0.4000 against 0.3000, difference +0.1000, 95 % [+0.0500, +0.1500], 900 users" in text
    assert "pool new (discover): nothing to judge" in text
    assert text.endswith("gate: blocked\n  too bad")


def test_all_comparisons_at_once_are_counted_by_the_wider_interval() -> None:
    def against(name: str, low: float, high: float) -> Comparison:
        return Comparison("all", name, "ndcg@10", 0.4, 0.3, 0.1, 0.02, 0.18, 50, low, high)

    found = [against("a", 0.01, 0.2), against("b", -0.01, 0.2), against("c", -0.2, -0.01)]
    text = report.together([*found, Comparison("all", "d", "recall@50", 0.4, 0.3, 0.1, 0.02, 0.18, 50)])
    assert "All 3 comparisons" in text
    assert "better than 1 of the lists and worse than 1" in text
    assert report.together([]) == ""
