"""Sample lists: whose they are, and that they are what is published."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.judging import samples
from pipeline.judging.samples import Sample
from tests.publication.published_shop import published
from tests.small_shop import NIGHT, Shop, go, shop


def taken(made: Shop, out: Path) -> tuple[Sample, ...]:
    out.mkdir()
    of = made.folders()
    return samples.take((of["features"], of["sources"], of["ensemble"], of["outcomes"]), NIGHT, made.config, out)


def chosen(counts: Sequence[int], ids: Sequence[str] = ()) -> dict[str, int]:
    names = list(ids) or [f"u{n:03d}" for n in range(len(counts))]
    return samples.chosen_rows(np.array(counts), pa.chunked_array([names]))


def test_one_has_much_one_is_in_the_middle_and_one_has_little() -> None:
    counts = np.random.default_rng(0).permutation(101)
    found = {name: int(counts[row]) for name, row in chosen(counts.tolist()).items()}
    assert found == {"much": 95, "middling": 50, "little": 5}


def test_equals_are_told_apart_by_id_and_of_few_users_nobody_is_shown_twice() -> None:
    assert chosen([3, 3, 3], ["b", "c", "a"]) == {"much": 1, "middling": 0, "little": 2}
    assert chosen([1, 9]) == {"much": 1, "middling": 0}
    assert chosen([4]) == {"much": 0}


def test_samples_are_what_is_published(tmp_path: Path) -> None:
    made = shop(tmp_path / "home", user_ids=["secret-0", "secret-1", "secret-2"]).write()
    go(made)
    names = dict(zip([f"i{n}" for n in range(8)], made.titles, strict=True))
    rows = published(made, "recommendations")
    found = taken(made, tmp_path / "out")
    assert [sample.things for sample in found] == [2, 2, 1]
    for sample in found:
        for surface in ("for_you", "discover"):
            mine = [r for r in rows if (r["user_id"], r["surface"]) == (sample.user_id, surface)]
            assert sample.lists[surface] == tuple((names[r["item_id"]] or r["item_id"], r["reason"]) for r in mine)
    last = {sample.user_id: sample.last for sample in found}
    assert last["secret-0"] == (("TEA POT", "29 Sep 2011"), ("WHITE MUG", "12 Sep 2011"))
    written = pq.read_table(tmp_path / "out" / samples.FILE).to_pylist()
    assert written == [{"sample": s.number, "user_id": s.user_id} for s in found]
    assert samples.numbers(tmp_path / "out" / samples.FILE, {"secret-1", "nobody"}) == [
        sample.number for sample in found if sample.user_id == "secret-1"
    ]


def test_they_can_be_switched_off(tmp_path: Path) -> None:
    made = shop(tmp_path / "home").write()
    settings = made.config.evaluate.model_copy(update={"samples": False})
    made.config = made.config.model_copy(update={"evaluate": settings})
    assert taken(made, tmp_path / "out") == ()
    assert pq.read_table(tmp_path / "out" / samples.FILE).num_rows == 0


@pytest.mark.parametrize("pad", [0, 3])
def test_a_list_is_cut_after_its_first_items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pad: int) -> None:
    monkeypatch.setattr(samples, "FIRST", 1 + pad)
    (first, *_) = taken(shop(tmp_path / "home").write(), tmp_path / "out")
    assert len(first.lists["for_you"]) == 1 + pad
