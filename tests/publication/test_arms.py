"""Users in arms of an experiment: who is in which, and that each arm's lists are those a shop with its settings has."""

import hashlib
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import lists
from pipeline.ground.errors import GateError, InputError
from pipeline.operations import show
from pipeline.publication import arms, checks, publish
from pipeline.settings.sections.experiment import Experiment
from pipeline.settings.sections.publication import Surface
from tests.publication.published_shop import published
from tests.small_shop import NIGHT, Shop, go, shop

USERS = 60
FACTS = {"name": "trial", "since": NIGHT}


def experiment(**arms_of: dict[str, Any]) -> Experiment:
    """Three arms of 30 %, with overlays for b and c; a tenth is in none."""
    made = [{"name": name, "share": 0.3, "overlay": arms_of.get(name, {})} for name in ("a", "b", "c")]
    return Experiment.model_validate(FACTS | {"arms": made})


def by_hand(user_id: str, salt: str, shares: list[float]) -> int:
    """The arm of a user, worked out with the standard library."""
    bucket = int(hashlib.sha256(f"{salt}:{user_id}".encode()).hexdigest()[:13], 16) / 2**52
    low = 0.0
    for code, share in enumerate(shares):
        if low <= bucket < low + share:
            return code
        low += share
    return -1


def crowd(folder: Path, seed: int = 3, **settings: Any) -> Shop:
    """The small shop with sixty customers, whose lists are random."""
    rng = np.random.default_rng(seed)
    made = shop(folder)
    order = [rng.permutation(8).tolist() for _ in range(USERS)]
    made.bought = [(u, int(rng.integers(8)), 1, float(rng.integers(40))) for u in range(USERS)]
    made.all_lists = [row[:6] for row in order]
    had = {u: item for u, item, _, _ in made.bought}
    made.new_lists = [[item for item in row if item != had[u]][:5] for u, row in enumerate(order)]
    made.categories = ["x", "x", "x", "y", "y", "y", "z", "z"]
    made.config = made.config.model_copy(update=settings)
    made.write()
    for pool, rows in (("all", made.all_lists), ("new", made.new_lists)):
        width = max(map(len, rows))
        turned = np.array([[*row[::-1], *[-1] * (width - len(row))] for row in rows])
        scores = np.where(turned >= 0, np.linspace(9, 1, width), -np.inf)
        lists.write_list(made.folder("fusion") / f"cutoff={NIGHT}", pool, "turned", turned, scores)
    return made


def rows_of(made: Shop) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "run_id"} for row in published(made, "recommendations")]


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.1, 0.2, 0.3], [0.01, 0.9]])
def test_a_users_arm_is_that_of_any_other_programme(shares: list[float]) -> None:
    ids = [*(f"user {n}" for n in range(3000)), "Zoë", "客", "", "a'b", "x:y", "\U0001f989"]
    made = Experiment.model_validate(
        FACTS | {"salt": "ś1", "arms": [{"name": f"a{n}", "share": share} for n, share in enumerate(shares)]}
    )
    with duckdb.connect() as connection:
        found = arms.codes(connection, pa.chunked_array([ids]), made)
        turned = arms.codes(connection, pa.chunked_array([ids[::-1][:7], ids[::-1][7:]]), made)
    assert found.tolist() == [by_hand(user_id, "ś1", shares) for user_id in ids]
    assert (turned[::-1] == found).all()
    sizes = [(found == code).mean() for code in range(len(shares))]
    assert sizes == pytest.approx(shares, abs=0.03)
    assert [row["arm"] for row in arms.table(made).to_pylist()] == [f"a{n}" for n in range(len(shares))]


def test_each_arms_lists_are_those_of_a_shop_with_its_settings(tmp_path: Path) -> None:
    trial = experiment(
        b={"surfaces": {"for_you": {"max_per_category": 1}}},
        c={"ensemble": {"final": "turned"}, "surfaces": {"discover": {"explore": {"slots": [2]}}}},
    )
    mixed = crowd(tmp_path / "mixed", experiment=trial)
    go(mixed)
    surfaces = {surface.name: surface for surface in mixed.config.surfaces}
    narrow = surfaces["for_you"].model_copy(update={"max_per_category": 1})
    only_b = crowd(tmp_path / "b", surfaces=(narrow, surfaces["discover"]))
    plain = crowd(tmp_path / "a")
    for made in (only_b, plain):
        go(made)
    arm = {f"u{u}": by_hand(f"u{u}", "trial", [0.3, 0.3, 0.3]) for u in range(USERS)}
    assert set(arm.values()) == {-1, 0, 1, 2}
    found = rows_of(mixed)
    for codes, other in (({0, -1}, plain), ({1}, only_b)):
        mine = [row for row in found if arm[row["user_id"]] in codes]
        assert mine == [row for row in rows_of(other) if arm[row["user_id"]] in codes]
    assert rows_of(only_b) != rows_of(plain)
    turned = [row for row in found if arm[row["user_id"]] == 2]
    drawn = {(row["surface"], row["rank"], row["policy"]) for row in turned}
    assert {one for one in drawn if one[2]} == {("discover", n, "uniform" if n == 2 else "best") for n in range(1, 5)}
    for user in sorted(user for user, code in arm.items() if code == 2):
        shown = [row for row in turned if row["user_id"] == user and row["surface"] == "for_you"]
        wanted = [item for item in mixed.all_lists[int(user[1:])][::-1] if item != 5]  # 5 is sold out
        assert [row["item_id"] for row in shown] == [f"i{item}" for item in wanted[:4]]
        scores = [row["score"] for row in shown]
        assert scores == sorted(scores, reverse=True)
    keys = [(row["surface"], row["user_id"], row["rank"]) for row in found]
    assert keys == sorted(keys)


def test_arms_are_the_same_in_blocks_and_in_other_processes(tmp_path: Path) -> None:
    over = {"ensemble": {"final": "turned"}, "surfaces": {"for_you": {"diversity": 0.5}}}
    trial = experiment(b=over, c={"surfaces": {"discover": {"max_per_category": 1, "calibrated_mix": 0.7}}})
    one = crowd(tmp_path / "one", experiment=trial)
    many = crowd(tmp_path / "many", experiment=trial, workers=2, block_users=7)
    for made in (one, many):
        go(made)
    assert rows_of(one) == rows_of(many)


def test_the_run_says_what_its_arms_are_and_is_another_run(tmp_path: Path) -> None:
    mixed, plain, later = (
        crowd(tmp_path / name, **settings)
        for name, settings in (
            ("mixed", {"experiment": experiment(c={"ensemble": {"final": "turned"}})}),
            ("plain", {}),
            ("later", {"experiment": Experiment.model_validate(experiment().model_dump() | {"since": "2011-10-03"})}),
        )
    )
    ids = [go(made)["run_id"] for made in (mixed, plain, later)]
    assert ids[1] == ids[2] != ids[0]
    folders = [publish.active_run(made.config).folder for made in (mixed, plain, later)]  # type: ignore[union-attr]
    assert "experiment trial" not in show.user(plain.config, "u0")
    for user in ("u0", "u1", "u2", "u3", "u4", "u5", "u6"):
        code = by_hand(user, "trial", [0.3, 0.3, 0.3])
        said = ["in no arm", "arm a", "arm b", "arm c"][code + 1]
        assert f"\nexperiment trial, {said}\n" in show.user(mixed.config, user)
    assert [(folder / "experiment.json").is_file() for folder in folders] == [True, False, False]
    names = {path.name for path in folders[1].glob("*")} - {"runs.parquet"}  # which has a hash of all settings
    for name in names:
        assert (folders[1] / name).read_bytes() == (folders[2] / name).read_bytes()


def test_a_list_that_there_is_not_is_refused(tmp_path: Path) -> None:
    made = crowd(tmp_path, experiment=experiment(b={"ensemble": {"final": "borda"}}))
    with pytest.raises(InputError, match=r"shown list 'borda', which there is not .* there are final, turned"):
        go(made)


def test_each_arms_lists_are_checked_by_its_own_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = crowd(tmp_path, experiment=experiment(b={"surfaces": {"for_you": {"max_per_category": 1}}}))
    rows, written = [], publish.checks.require

    def breaks(folder: Path, night: Any) -> dict[str, list[str]]:
        """Let a user of arm b have what only others may have."""
        table = pq.read_table(folder / "recommendations.parquet")
        user = next(f"u{u}" for u in range(USERS) if by_hand(f"u{u}", "trial", [0.3, 0.3, 0.3]) == 1)
        for row in table.to_pylist():
            if row["user_id"] == user and row["surface"] == "for_you":
                row |= {"item_id": f"i{row['rank'] - 1}"}
            rows.append(row)
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), folder / "recommendations.parquet")
        return written(folder, night)

    monkeypatch.setattr(checks, "require", breaks)
    with pytest.raises(GateError, match=r"recommendations_rules \(1\): for_you: user u\d+ has 3 items of category x"):
        go(made)


def test_surfaces_of_no_arm_stay(tmp_path: Path) -> None:
    trial = experiment(b={"ensemble": {"final": "turned"}}).model_copy(update={"surfaces": ("for_you",)})
    assert [v.final for v in arms.variants(trial, Surface(name="discover"))] == [None]
    assert [v.arms for v in arms.variants(trial, Surface(name="for_you"))] == [(-1, 0, 2), (1,)]
