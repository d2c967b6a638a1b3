"""A run judged by what earlier runs drew: from an application's log, through ingest, to a verdict."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground.errors import InputError
from pipeline.operations import judge_policy
from pipeline.publication import stores
from pipeline.publication.tables.recommendations import TABLE
from pipeline.publication.taught_rewards import Reward
from pipeline.settings.config import Config
from tests.published.targets.runs import tables
from tests.tiny_log import ingest, shop, write

NIGHTS = [date(2024, 1, 1) + timedelta(days=n) for n in range(3)]
MAPPING = """
select "user" as user_id, item as item_id, try_cast(ts as timestamp) as event_time, type as event_type, surface,
    rank as rank_shown, run as run_id_shown, propensity, _file, _row
from raw
"""
TYPES = {"purchase": {"label": True}, "click": {"weight": 0}, "impression": {"weight": 0}}
ITEMS, USERS = ("a", "b", "c", "d"), 1_500
CLICKED = {"a": 0.4, "b": 0.1, "c": 0.1, "d": 0.05}
SHOWN, BETTER, WORSE = "2024-01-01-shown", "2023-12-31-better", "2023-12-31-worse"


def publish(config: Config, run_id: str, second: str) -> None:
    """A run of lists of two, of which the second item is `second`."""
    rows = [
        {"run_id": run_id, "surface": "home", "user_id": f"u{u}", "rank": rank, "item_id": item, "score": 0.5}
        | {"source": "als", "reason": "because"}
        for u in range(USERS)
        for rank, item in ((1, "top"), (2, second))
    ]
    folder = stores.archive(config).path(run_id)
    tables(folder, run_id)
    pq.write_table(pa.Table.from_pylist(rows, schema=TABLE.schema), folder / TABLE.file)


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Three nights on which every user saw a list whose second slot was any of four items; two runs to be judged."""
    folder = tmp_path_factory.mktemp("logged")
    config = shop(folder, "log-{year}-{month}-{day}.csv", MAPPING, features={"event_types": TYPES})
    rng = np.random.default_rng(5)
    for night in NIGHTS:
        rows = []
        for user in range(USERS):
            item = ITEMS[rng.integers(4)]
            base = {"user": f"u{user}", "ts": f"{night} 10:00:00", "surface": "home", "run": SHOWN}
            rows.append(base | {"item": "top", "type": "impression", "rank": 1, "propensity": 1})
            rows.append(base | {"item": item, "type": "impression", "rank": 2, "propensity": 0.25})
            if rng.random() < CLICKED[item]:
                click = base | {"item": item, "type": "click", "rank": None, "propensity": None}
                rows.append(click | {"ts": f"{night} 10:01:00", "surface": None if user % 2 else "home"})
        # a run of its own each night: what is shown again is one slot
        rows = [row | {"run": f"{SHOWN}-{night}"} for row in rows]
        write(folder / f"log-{night}.csv", [*rows, rows[1] | {"ts": f"{night} 11:00:00"}])
        ingest(config, night)
    publish(config, BETTER, "a")
    publish(config, WORSE, "d")
    for night in (NIGHTS[0], NIGHTS[-1]):
        publish(config, f"{night}-late", "a")
    return config


@pytest.mark.parametrize(("run_id", "truth", "verdict"), [(BETTER, 0.4, "better"), (WORSE, 0.05, "worse")])
def test_a_run_that_nobody_saw(logged: Config, run_id: str, truth: float, verdict: str) -> None:
    (found,) = judge_policy.run(logged, run_id).surfaces
    assert (found.surface, found.support.rows) == ("home", USERS * len(NIGHTS))
    assert found.judged.low <= truth <= found.judged.high
    assert found.shown.low <= 0.1625 <= found.shown.high
    assert found.gain.low <= truth - 0.1625 <= found.gain.high
    for other in (found.modelled, found.by_list):  # every list has one drawn slot
        assert other.low <= truth - 0.1625 <= other.high
    # what is clicked follows from the item alone, which the model knows by how often it was drawn
    assert found.modelled.high - found.modelled.low < found.by_list.high - found.by_list.low
    assert found.verdict == f"{verdict} than what was shown"
    said = str(judge_policy.run(logged, run_id))
    assert f"; {verdict} than what was shown" in said
    assert f"Run {run_id} by the slots that were drawn in the last 3 nights" in said
    lines = said.splitlines()
    assert "…" not in said
    assert [line.split()[:2] for line in lines[2:5]] == [["home", "shown"], ["home", "this"], ["home", "gain"]]
    assert f"home: {found.support.rows:,} slots, {found.support.effective:,.0f} effective, overlap " in lines[-1]


def test_what_a_run_has_learned_from_or_drawn_itself_does_not_judge_it(logged: Config) -> None:
    (later,) = judge_policy.run(logged, f"{NIGHTS[0]}-late").surfaces
    assert later.support.rows == USERS * (len(NIGHTS) - 1)
    publish(logged, f"{SHOWN}-{NIGHTS[1]}", "a")  # of the first night, and the second day's slots are its own
    (others,) = judge_policy.run(logged, f"{SHOWN}-{NIGHTS[1]}").surfaces
    assert others.support.rows == USERS * (len(NIGHTS) - 2)
    with pytest.raises(InputError, match=f"after {NIGHTS[-1]}, that run .* of earlier days the run has learned"):
        judge_policy.run(logged, f"{NIGHTS[-1]}-late")


Slot = tuple[str, int, int]
"""What a slot showed, how much its user bought the day after, whether the user came back then."""


@pytest.fixture(scope="module", name="longer")
def fixture_longer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, list[Slot]]:
    """Four nights, on the first two of which half of the users are shown a drawn item each. Some buy two others a day
    later, more of them who were shown "a"; some come back for nothing. "d" is clicked most, and nobody comes back."""
    folder = tmp_path_factory.mktemp("longer")
    config = shop(folder, "log-{year}-{month}-{day}.csv", MAPPING, features={"event_types": TYPES})
    rng, slots, later = np.random.default_rng(6), [], []
    plain = {"surface": None, "run": None, "rank": None, "propensity": None}
    for number in range(4):
        night = NIGHTS[0] + timedelta(days=number)
        rows = [row | {"ts": f"{night} 09:00:00"} for row in later] or [line(user="nobody", **plain)]
        later = []
        for user in range(number, USERS if number < 2 else 0, 2):
            who, item = {"user": f"u{user}", **plain}, ITEMS[rng.integers(4)]
            shown = {"item": item, "ts": f"{night} 10:00:00", "run": f"{SHOWN}-{night}", "rank": 2}
            rows.append(line(user=f"u{user}", propensity=0.25, **shown))
            if rng.random() < (0.5 if item == "d" else 0.05):
                rows.append(line(user=f"u{user}", type="click", propensity=None, **shown | {"rank": None}))
            buys, comes = rng.random() < {"a": 1 / 3, "d": 0}.get(item, 0.1), rng.random() < 0.2 * (item != "d")
            later += [line(**who, item=other, type="purchase") for other in ("x", "y", "y") if buys]
            later += [line(**who, item="z", type="click")] if comes else []
            slots.append((item, 2 * buys, int(buys or comes)))
        write(folder / f"log-{night}.csv", rows)
        ingest(config, night)
    publish(config, BETTER, "a")
    publish(config, WORSE, "d")
    return config, slots


@pytest.mark.parametrize("by", ["actions", "visits"])
def test_a_slot_may_be_worth_what_its_user_does_later(
    longer: tuple[Config, list[Slot]], by: Literal["actions", "visits"]
) -> None:
    config, slots = longer
    result = judge_policy.run(config, BETTER, reward=Reward(by, 2))
    (found,) = result.surfaces
    worth = np.array([bought if by == "actions" else came for _, bought, came in slots])
    is_a = np.array([item == "a" for item, *_ in slots])
    assert found.support.rows == USERS
    assert found.shown.value == pytest.approx(worth.mean())
    assert found.judged.value == pytest.approx(worth[is_a].mean())
    gain = worth[is_a].mean() - worth.mean()
    for estimate in (found.gain, found.modelled, found.by_list):
        assert estimate.low <= gain <= estimate.high
    assert "within 2 days, per slot:" in str(result)


def test_what_is_clicked_and_not_come_back_to_is_better_by_clicks_and_worse_by_visits(
    longer: tuple[Config, list[Slot]],
) -> None:
    config, _ = longer
    (clicks,) = judge_policy.run(config, WORSE).surfaces
    (visits,) = judge_policy.run(config, WORSE, reward=Reward("visits", 2)).surfaces
    assert (clicks.gain.low > 0.2, visits.gain.high < -0.1) == (True, True)


def test_slots_whose_days_are_not_over_are_left_out(longer: tuple[Config, list[Slot]]) -> None:
    config, _ = longer
    two = judge_policy.run(config, BETTER, reward=Reward("actions", 3)).surfaces[0].support.rows
    assert two == USERS  # the second night's third day is the last
    one = judge_policy.run(config, BETTER, reward=Reward("visits", 3)).surfaces[0].support.rows
    assert one == USERS // 2
    with pytest.raises(InputError, match="5 days ago or more, as these are to be over"):
        judge_policy.run(config, BETTER, reward=Reward("actions", 5))


def test_what_a_list_earned_later_is_counted_once() -> None:
    """A user with two drawn slots: the reward is of the list."""
    columns = {
        "surface": ["home"] * 4, "user_id": ["u", "u", "v", "v"], "run_id_shown": ["r"] * 4, "rank": [1, 2, 1, 2],
        "chance": [0.5] * 4, "reward": [3.0, 3.0, 1.0, 1.0], "is_judged": [True] * 4, "shown_drawn": [2] * 4,
        "shown_rank": [1, 2, 1, 2], "shown_score": [0.5] * 4, "judged_drawn": [2] * 4, "judged_score": [0.5] * 4,
    }  # fmt: skip
    slots = pa.table({f.name: pa.array(columns[f.name], f.type) for f in judge_policy.SLOTS}, judge_policy.SLOTS)
    found = judge_policy._judge("home", slots, Reward("actions"), Config())
    weight = 2**0.5  # of the second place, cut to the square root of two lists
    assert found.by_list.value == pytest.approx((weight - 1) * (3 + 1) / 2)


def test_a_night_is_too_little(logged: Config) -> None:
    (found,) = judge_policy.run(logged, BETTER, nights=1).surfaces
    assert found.verdict.startswith("no verdict: an effective sample of ")


def test_what_cannot_be_judged_says_so(logged: Config, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no run 2024-01-09-none"):
        judge_policy.run(logged, "2024-01-09-none")
    with pytest.raises(InputError, match="there is no run yet"):
        judge_policy.run(shop(tmp_path / "empty"))
    quiet = shop(tmp_path / "quiet", features={"event_types": TYPES})
    publish(quiet, BETTER, "a")
    with pytest.raises(InputError, match="no event of the last 0 nights says with which chance"):
        judge_policy.run(quiet, BETTER)


def line(**over: Any) -> dict[str, Any]:
    base = {"user": "u", "item": "i", "ts": "2024-01-01 10:00:00", "type": "impression", "surface": "home", "rank": 1}
    return base | {"run": "r", "propensity": 0.5} | over


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("0", "propensity is not above 0 and at most 1"),
        ("1.5", "propensity is not above 0 and at most 1"),
        ("-0.1", "propensity is not above 0 and at most 1"),
        ("often", "a number is not a number"),
    ],
)
def test_a_chance_that_is_none_is_refused(tmp_path: Path, given: str, reason: str) -> None:
    config = shop(tmp_path, "log.csv", MAPPING, features={"event_types": TYPES}, ingest={"max_reject_share": 1})
    write(tmp_path / "log.csv", [line(), line(user="v", propensity=given), line(user="w", propensity=None)])
    folder = ingest(config, NIGHTS[0])
    kept = pq.read_table(folder / "events.parquet", columns=["user_id", "propensity"]).to_pylist()
    assert kept == [{"user_id": "u", "propensity": 0.5}, {"user_id": "w", "propensity": None}]
    assert pq.read_table(folder / "rejects.parquet").column("reason").to_pylist() == [reason]
