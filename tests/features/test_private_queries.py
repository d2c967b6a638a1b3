"""Which queries are named, by noised counts: against a loop, and against the definition of the chance taken."""

from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import norm

from pipeline.features import private_queries
from pipeline.ground import artifacts, schemas
from pipeline.ground.errors import InputError
from pipeline.operations import stages
from pipeline.privacy import accountant, noise, spending
from pipeline.privacy.spending import Release
from pipeline.sources.configuration import FullConfig
from tests.features.made_up import START, event
from tests.features.test_searched import NIGHT, built, choice, search, shop_of

KEY = "a secret that is long enough"
NOISED: dict[str, Any] = {"epsilon_queries": 10.0, "epsilon_budget": 60.0, "contributions": 3}
LAST = START + timedelta(days=NIGHT)
Asked = list[tuple[str, str, int]]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(noise.VARIABLE, KEY)


def many(people: int = 40) -> Asked:
    """(who, query, day): "sofa" by all, "couch" by a third, and each person's own words."""
    asked = [(f"u{n}", "sofa", NIGHT - n % 5) for n in range(people)]
    asked += [(f"u{n}", "couch", NIGHT - 7) for n in range(people // 3)]
    return asked + [(f"u{n}", f"the name of {n}", NIGHT - n % 9) for n in range(people)]


def shop(home: Path, asked: Asked, **over: Any) -> FullConfig:
    """People who searched and, but after their own words, chose something."""
    searches = [search(who, query, day, 60 * n) for n, (who, query, day) in enumerate(asked)]
    chosen = [choice(n, one, "i1") for n, one in enumerate(searches) if not one["query"].startswith("the name")]
    chosen += [event(10_000 + n, f"u{n}", "i2", NIGHT) for n in range(3)]
    config = shop_of(home, chosen, searches, **over.pop("features", {}))
    return FullConfig.model_validate(config.model_dump() | {"privacy": NOISED | over})


def sums(config: FullConfig, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """What is released with noise, before there is any."""
    seen: dict[str, float] = {}
    above = private_queries._above

    def look(path: Path, *rest: Any) -> pa.Table:
        rows = pq.read_table(path).to_pylist()
        seen.update({row["query"]: row["steps"] / private_queries.STEPS for row in rows})
        return above(path, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(private_queries, "_above", look)
        built(config)
    return seen


def test_the_sums_are_those_of_a_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [*many(), ("u1", "lamp", NIGHT), ("u1", "mug", NIGHT - 1), ("u1", "long ago", NIGHT - 60)]
    mine: dict[str, dict[str, int]] = defaultdict(dict)
    for who, query, day in asked:
        mine[who][query] = max(day, mine[who].get(query, 0))
    wanted: dict[str, float] = defaultdict(float)
    for queries in mine.values():
        kept = sorted(queries, key=lambda query: (-queries[query], query))[:3]
        for query in kept:
            wanted[query] += len(kept) ** -0.5
    found = sums(shop(tmp_path, asked, features={"query_days": 365}), monkeypatch)
    assert found == pytest.approx(dict(wanted), rel=1e-6)


@pytest.mark.parametrize("who", ["u0", "u30"])
def test_a_whole_person_moves_all_sums_by_at_most_one(
    tmp_path: Path, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [*many(), (who, "lamp", NIGHT), (who, "mug", NIGHT)]
    with_it = sums(shop(tmp_path / "with", asked), monkeypatch)
    without = sums(shop(tmp_path / "without", [one for one in asked if one[0] != who]), monkeypatch)
    apart = [with_it.get(query, 0) - without.get(query, 0) for query in with_it.keys() | without.keys()]
    assert np.linalg.norm(apart) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("epsilon", [0.5, 3.0, 20.0])
@pytest.mark.parametrize("most", [1, 4, 50])
def test_of_what_one_person_asks_alone_nothing_is_named_but_for_the_chance(epsilon: float, most: int) -> None:
    mu, chance = accountant.mu_of(epsilon, 1e-5), 1e-8
    least = private_queries.threshold(mu, chance, most)
    named = [-np.expm1(k * norm.logcdf((least - k**-0.5) * mu)) for k in range(1, most + 1)]
    assert max(named) == pytest.approx(chance, rel=1e-6)


@pytest.mark.parametrize(("epsilon", "people"), [(1.0, 24), (3.0, 9), (10.0, 4)])
def test_so_many_people_must_ask_as_the_page_says(epsilon: float, people: int) -> None:
    """Who ask nothing else, of a query that is then named more often than not."""
    delta = 1e-5
    mu = accountant.mu_of(epsilon, delta * (1 - private_queries.OF_DELTA))
    assert int(np.ceil(private_queries.threshold(mu, delta * private_queries.OF_DELTA, 50))) == people
    page = Path("docs/differential-privacy.md").read_text(encoding="utf-8")
    assert f"| {epsilon:g} | {people} |" in page


def test_what_many_ask_is_named_and_nobodys_own_words(tmp_path: Path) -> None:
    config = shop(tmp_path, many())
    rows, told = built(config)
    assert {row[0] for row in rows} == {"sofa", "couch"}
    assert {row["query"] for row in told} == {"sofa", "couch"}
    folder = artifacts.stage_dir(config.lake, "features", LAST)
    report = artifacts.read_manifest(folder)["report"]
    assert (report["releases"], report["epsilon_per_fit"]) == (1, 10.0)
    assert report["epsilon_spent"] == pytest.approx(10.0, abs=1e-3)
    assert not list(folder.glob(".query*"))
    assert KEY not in spending.path(config).read_text()
    plain, _ = built(shop(tmp_path / "plain", many(), epsilon_queries=0))
    clicks = {(query, item): count for query, _, item, count in plain}
    assert {(query, item): count for query, _, item, count in rows} == clicks, "what was chosen is counted as ever"


def test_asked_instead_is_told_only_of_what_is_named() -> None:
    names = ["query", "users", "searches", "in_vain", "asked_again", "asked_instead"]
    rows = [("a", "b"), ("b", "rare"), ("rare", "a"), ("c", None)]
    found = pa.Table.from_pylist(
        [dict(zip(names, (query, 9, 9, 9, 1, instead), strict=True)) for query, instead in rows],
        schemas.SEARCHES,
    )
    frequent = pa.table({"query": ["a", "b", "c"]})
    told = private_queries.only(found, frequent, 2)
    assert [(row["query"], row["asked_instead"]) for row in told.to_pylist()] == [("a", "b"), ("b", None)]
    assert told.schema == schemas.SEARCHES


def test_a_rerun_costs_nothing_and_names_the_same(tmp_path: Path) -> None:
    config = shop(tmp_path, many())
    first = built(config)
    stages.run_stage("features", LAST, config, force=True)
    assert (built(config), len(spending.read(config))) == (first, 1)


def test_the_thresholds_chance_adds_up(tmp_path: Path) -> None:
    mu, delta = accountant.mu_of(1.0, 1e-5), 1e-5
    releases = [Release(f"{n}", "features", "2024-01-01", "2024-01-01", mu, 2e-6) for n in range(4)]
    assert spending.spent(releases, delta) == pytest.approx(accountant.epsilon_of(2 * mu, 2e-6))
    assert spending.spent([*releases, releases[0]], delta) == float("inf")
    config = shop(tmp_path, many())
    for release in releases:
        spending.spend(config, release)
    with pytest.raises(InputError, match="beyond any epsilon at delta 1e-05"):
        spending.spend(config, Release("5", "features", "2024-01-01", "2024-01-01", mu, 2e-6))
    lowered = FullConfig.model_validate(config.model_dump() | {"privacy": NOISED | {"delta": 1e-6}})
    with pytest.raises(InputError, match="less than the deltas of the releases"):
        spending.told(lowered, "features")


def test_without_a_key_it_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(noise.VARIABLE)
    with pytest.raises(InputError, match=noise.VARIABLE):
        built(shop(tmp_path, many()))


def test_a_night_that_would_overspend_stops(tmp_path: Path) -> None:
    config = shop(tmp_path, many(), epsilon_budget=10.0)
    spending.spend(config, Release("a", "als", "2011-04-01", "2011-04-01", 0.5))
    with pytest.raises(InputError, match=r"features: another release .* end what was promised of queries"):
        built(config)
    assert not list(tmp_path.rglob(".query_counts*"))
