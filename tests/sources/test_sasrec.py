"""The sequence model: what it may see, a loss against plain sums, and a pattern it must learn."""

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from pipeline.features.read import read_cutoffs
from pipeline.ground import artifacts, lists
from pipeline.ground.errors import TrainingError
from pipeline.operations import stages
from pipeline.sources import sasrec
from pipeline.sources.configuration import FullConfig
from pipeline.sources.sequential import sequences
from pipeline.sources.sequential.attention import Network
from pipeline.sources.sequential.section import Sasrec
from pipeline.sources.sequential.sequences import ActionLog
from pipeline.sources.sequential.training import batch_of, chances, loss, train
from tests.sources import shop

SECTION = Sasrec(size=8, layers=1, heads=2, length=6, baskets=3, dropout=0.0)


def chains(users: int = 60, items: int = 12, visits: int = 5) -> ActionLog:
    """Each user buys one item a visit, always the one after the item before, starting anywhere."""
    rows = [(u, 10 * (visits - v) - 1, (u + v) % items) for u in range(users) for v in range(visits)]
    u, age, item = np.array(rows, dtype=np.int32).T
    return ActionLog(u, item, age)


def network(items: int = 12, seed: int = 0, section: Sasrec = SECTION) -> Network:
    torch.manual_seed(seed)
    return sasrec.build(np.ones(items), section)


def test_an_asked_day_sees_older_actions_only() -> None:
    model = network().eval()
    items, ages = torch.tensor([[-1, 3, 4, 5]]), torch.tensor([[0, 9, 7, 7]])
    asked = torch.tensor([[9, 8, 7, -1]])
    with torch.no_grad():
        before = model(model.item_vectors(), items, ages, asked)[0]
        later = model(model.item_vectors(), torch.tensor([[-1, 3, 11, 1]]), ages, asked)[0]
        swapped = model(model.item_vectors(), torch.tensor([[-1, 3, 5, 4]]), ages, asked)[0]
        padded = model(model.item_vectors(), items, torch.tensor([[8, 9, 7, 7]]), asked)[0]
    assert torch.equal(before[:3], later[:3])  # what happened on the asked day or after it changes nothing
    assert not torch.allclose(before[3], later[3])
    assert torch.allclose(before, swapped, atol=1e-6)  # a basket has no order
    assert torch.equal(before, padded)
    assert torch.isfinite(before).all()


def test_loss_is_the_weighted_cross_entropy_of_every_wanted_item() -> None:
    actions = chains(users=4)
    known = sequences.sequences_of(actions, 6, 3)
    model = network().eval()
    drawn, chance = np.array([1, 2, 4, 5, 6, 9]), np.array([0.5, 1.0, 0.25, 1.0, 0.5, 0.9])
    rows = np.array([0, 2, 3])
    batch = batch_of(known, rows, drawn, chance, half_life_days=20.0)
    assert batch is not None
    total, weights = 0.0, 0.0
    with torch.no_grad():
        vectors = model.item_vectors()
        for row in rows:
            for slot in range(3):
                asked = torch.tensor([[int(known.asked[row, slot])]])
                given = (torch.from_numpy(a[row : row + 1].astype(np.int64)) for a in (known.items, known.ages))
                scores = (model(vectors, *given, asked)[0, 0] @ vectors.T + model.bias).numpy()
                place = row * 3 + slot
                for item in known.wanted[known.starts[place] : known.starts[place + 1]]:
                    if item in drawn:
                        at = drawn.tolist().index(item)
                        weight = 0.5 ** (known.asked[row, slot] / 20) / chance[at]
                        total += weight * (np.log((np.exp(scores[drawn]) / chance).sum()) - scores[item])
                        weights += weight
        assert float(loss(model, batch)) == pytest.approx(total / weights, rel=1e-5)
    assert batch_of(known, rows, np.array([11]), np.array([1.0]), 20.0) is None


def test_chances_are_how_often_items_are_drawn() -> None:
    popular = np.array([0, 1, 4, 9, 16, 25, 36, 1], dtype=np.float64)
    assert chances(popular, Sasrec(batch_items=7)).tolist() == [0, 1, 1, 1, 1, 1, 1, 1]
    section = Sasrec(batch_items=2)
    rng = np.random.default_rng(0)
    often = np.bincount(np.concatenate([sasrec_drawn(popular, section, rng) for _ in range(4000)]), minlength=8) / 4000
    assert chances(popular, section) == pytest.approx(often, abs=0.09)  # drawn without replacement: about


def sasrec_drawn(popular: np.ndarray, section: Sasrec, rng: np.random.Generator) -> np.ndarray:
    from pipeline.encoder.sampling import sample_items

    return sample_items(popular, section.batch_items, section.popularity_power, rng)


@pytest.mark.parametrize("batch_items", [100, 6])
def test_a_chain_is_learned(batch_items: int) -> None:
    actions = chains()
    section = SECTION.model_copy(update={"batch_items": batch_items, "learning_rate": 0.03, "size": 16})
    model = network(section=section)
    popular = sasrec.popularity(actions, 12, section.half_life_days)
    ended = train(model, sequences.sequences_of(actions, 6, 3), popular, section, steps=140, seed=0)
    assert ended["loss_last"] < 0.5 * ended["loss_first"]
    scores = sasrec.scoring(model, actions, popular > 0, section.length)(np.arange(60))
    assert (scores.argmax(axis=1) == (np.arange(60) + 5) % 12).mean() > 0.9


def test_a_loss_that_is_not_finite_is_an_error() -> None:
    actions = chains()
    section = SECTION.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(TrainingError, match=r"lower sasrec\.learning_rate"):
        train(network(), sequences.sequences_of(actions, 6, 3), np.ones(12), section, steps=5, seed=0)


def small(tmp_path: Path, **settings: object) -> FullConfig:
    chosen = {"enabled": True, "size": 8, "steps": 12, "warm_steps": 3, "candidates": 6} | settings
    return shop.config_for(tmp_path, sasrec=chosen)


def write_night(config: FullConfig, items: int = 8) -> Path:
    """Two cut-offs; the later one knows one item more, which nobody bought."""
    board = shop.checkerboard(items)
    wider = np.hstack([board, np.zeros((items, 1), dtype=np.float32)])
    older = shop.NIGHT - timedelta(days=7)
    return spread_over_days(shop.write_features(config.lake, {older: board, shop.NIGHT: wider}))


def spread_over_days(features: Path) -> Path:
    """The same features, of actions that are not all of one day."""
    for cutoff in read_cutoffs(features):
        rows = cutoff.interactions()
        ages = pa.array((rows.column("item_index").to_numpy() * 3 + 1).astype(np.float32))
        for name in ("first_age", "last_age"):
            rows = rows.set_column(rows.schema.names.index(name), rows.schema.field(name), ages)
        pq.write_table(rows, cutoff.folder / "interactions.parquet")
    return features


def write_language_model(config: FullConfig, vectors: np.ndarray | None) -> None:
    with artifacts.writing(artifacts.stage_dir(config.lake, "language_model", shop.NIGHT)) as out:
        if vectors is not None:
            np.save(out / "item_vectors.npy", vectors)
        artifacts.write_manifest(out, {"files": artifacts.describe(out)})


def test_a_young_shop_begins_where_somebody_came(tmp_path: Path) -> None:
    """Before that there is nobody, or a catalogue alone, and nothing to go on from."""
    config = small(tmp_path)
    nobody, catalogue = (shop.NIGHT - timedelta(days=7 * weeks) for weeks in (3, 2))
    board, later = shop.checkerboard(8), shop.NIGHT - timedelta(days=7)
    none, unsold = np.zeros((0, 0), np.float32), np.zeros((0, 8), np.float32)
    young = {nobody: none, catalogue: unsold, later: board, shop.NIGHT: board}
    spread_over_days(shop.write_features(config.lake, young))
    write_language_model(config, None)
    stages.run_stage("sasrec", shop.NIGHT, config)
    folder = artifacts.stage_dir(config.lake, "sasrec", shop.NIGHT)
    steps = {path.parent.name: json.loads(path.read_text())["steps"] for path in folder.glob("cutoff=*/fit.json")}
    assert (steps[f"cutoff={later}"], steps[f"cutoff={shop.NIGHT}"]) == (12, 3)
    alone = small(tmp_path / "alone")
    spread_over_days(shop.write_features(alone.lake, {later: board, shop.NIGHT: board}))
    write_language_model(alone, None)
    stages.run_stage("sasrec", shop.NIGHT, alone)
    other = artifacts.stage_dir(alone.lake, "sasrec", shop.NIGHT)
    for cutoff in (later, shop.NIGHT):
        assert shop.contents(lists.cutoff_dir(folder, cutoff)) == shop.contents(lists.cutoff_dir(other, cutoff))


def test_later_cutoffs_go_on_and_the_same_bytes_come_out(tmp_path: Path) -> None:
    config = small(tmp_path)
    write_night(config)
    write_language_model(config, None)
    report = stages.run_stage("sasrec", shop.NIGHT, config)["report"]
    folder = artifacts.stage_dir(config.lake, "sasrec", shop.NIGHT)
    steps = [json.loads(path.read_text())["steps"] for path in sorted(folder.glob("cutoff=*/fit.json"))]
    assert steps == [12, 3]
    assert not report["text_vectors"]
    items, scores = lists.read_list(lists.cutoff_dir(folder, shop.NIGHT), "new", "sasrec")
    assert (items < 8).all()  # the item nobody bought has no text: it is not listed
    assert np.isfinite(scores[items >= 0]).all()
    before = shop.contents(folder)
    stages.run_stage("sasrec", shop.NIGHT, config, force=True)
    assert shop.contents(folder) == before


def test_an_item_nobody_bought_is_listed_by_its_text(tmp_path: Path) -> None:
    config = small(tmp_path, candidates=9)
    write_night(config)
    vectors = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32)
    write_language_model(config, vectors)
    assert stages.run_stage("sasrec", shop.NIGHT, config)["report"]["text_vectors"]
    folder = artifacts.stage_dir(config.lake, "sasrec", shop.NIGHT)
    items, _ = lists.read_list(lists.cutoff_dir(folder, shop.NIGHT), "new", "sasrec")
    assert (items == 8).any(axis=1).all()
