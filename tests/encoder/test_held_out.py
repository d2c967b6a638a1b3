"""What the encoder is judged on while it is tuned: against loops, and without touching what it learns."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.sparse import csr_matrix

from pipeline.encoder import held_out
from pipeline.ground import artifacts
from pipeline.operations import stages
from tests.encoder.planted_taste import KINDS, TEXTS, planted
from tests.encoder.text_shop import write_text_shop
from tests.encoder.tiny_encoder import write_tiny_bert
from tests.sources.shop import NIGHT, config_for, contents


def example(seed: int = 0) -> tuple[held_out.HeldOut, np.ndarray, np.ndarray]:
    """Held-out users of random taste, with random unit vectors of items and users."""
    rng = np.random.default_rng(seed)
    known = (rng.random((20, 30)) < 0.2).astype(np.float32)
    later = rng.random((20, 30)) < 0.15
    filled = np.ones(30, dtype=bool)
    filled[3] = False
    later[:, 3] = False
    held = held_out.split(*later.nonzero(), csr_matrix(known), filled, seed)
    assert held is not None
    vectors, users = rng.normal(size=(len(held.items), 5)), rng.normal(size=(len(held.dev), 5))
    return held, *(rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (vectors, users))


def test_held_out_users_are_those_with_a_past_and_something_new() -> None:
    known = csr_matrix(np.array([[1, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0]], dtype=np.float32))
    later = np.array([[0, 1, 1, 1], [1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]])
    held = held_out.split(*later.nonzero(), known, np.ones(4, dtype=bool), seed=0)
    assert held is not None
    rows = {
        tuple(profile): set(held.items[truth])
        for profile, truth in zip(held.profiles.toarray(), held.truth, strict=True)
    }
    assert rows == {(1, 0, 0, 1): {1, 2}, (1, 1, 0, 0): {2}}  # 1 has no past, 2 did nothing new
    assert held.dev.tolist() == [True, False]
    for user, item in held.negatives:
        assert not held.truth[user, item]
        assert not held.seen[user, item]
    assert held_out.split(np.array([0]), np.array([1]), known, np.ones(4, dtype=bool), seed=0) is None


def test_measures_are_the_loops_over_their_definitions() -> None:
    held, vectors, users = example()
    found = held_out.judge(held, vectors, users)
    for split, mask in (("dev", held.dev), ("test", ~held.dev)):
        ndcg, recall = [], []
        for user in np.flatnonzero(mask):
            order = [c for c in np.argsort(-(vectors @ users[user])) if not held.seen[user, c]]
            hits = [bool(held.truth[user, c]) for c in order]
            ideal = sum(1 / np.log2(rank + 2) for rank in range(min(10, sum(hits))))
            ndcg.append(sum(hit / np.log2(rank + 2) for rank, hit in enumerate(hits[:10])) / ideal)
            recall.append(sum(hits[:50]) / held.truth[user].sum())
        assert found[f"{split}_ndcg_10"] == pytest.approx(np.mean(ndcg))
        assert found[f"{split}_recall_50"] == pytest.approx(np.mean(recall))


def test_the_threshold_has_the_best_f1_there_is() -> None:
    from sklearn.metrics import f1_score, precision_score, recall_score

    rng = np.random.default_rng(1)
    scores, right = rng.random(40), rng.random(40) < 0.4
    best = held_out.best_threshold(scores, right)
    every = [f1_score(right, scores >= threshold) for threshold in scores]
    assert f1_score(right, scores >= best) == pytest.approx(max(every))
    said = scores >= best
    by_hand = precision_score(right, said), recall_score(right, said), f1_score(right, said)
    assert held_out.classified(said, right) == pytest.approx(by_hand)
    assert held_out.classified(np.zeros(3, bool), np.zeros(3, bool)) == (0, 0, 0)


def test_a_relevance_head_decides_where_there_is_one() -> None:
    held, vectors, users = example()
    everything = held_out.judge(held, vectors, users, lambda left, right: np.ones(len(left)))
    assert everything["dev_recall"] == everything["test_recall"] == 1
    assert 0.15 < everything["test_precision"] < 0.4
    true_pairs = {(u, c) for u, c in np.argwhere(held.truth)}
    knows = {users[u].tobytes() + vectors[c].tobytes(): 1.0 for u, c in true_pairs}
    perfect = held_out.judge(
        held,
        vectors,
        users,
        lambda *at: np.array([knows.get(a.tobytes() + b.tobytes(), 0.0) for a, b in zip(*at, strict=True)]),
    )
    assert perfect["test_f1"] == pytest.approx(1)


def test_epochs_are_in_the_table_the_metrics_and_the_log_and_change_no_vector(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bought = planted(TEXTS, KINDS, users=24)
    learned = bought * (np.random.default_rng(0).random(bought.shape) < 0.6)
    tiny = write_tiny_bert(tmp_path / "tiny")
    folders = []
    for epochs in (0, 3):
        home = tmp_path / str(epochs)
        write_text_shop(home / "lake", {NIGHT: bought}, TEXTS, learned=learned, later=bought)
        section = {"model": str(tiny), "steps": 9, "batch_items": 8, "lexicon_size": 4, "epochs": epochs}
        with caplog.at_level("INFO"):
            done = stages.run_stage("fine_tune", NIGHT, config_for(home, fine_tune=section))
        folders.append(artifacts.stage_dir(home / "lake", "fine_tune", NIGHT) / "encoder")
        if epochs:
            assert 0 < done["report"]["test_ndcg_10"] <= 1
            assert len(list((home / "tensorboard").glob("*/events*"))) == 1
    assert "epoch  step" in caplog.text
    plain, judged = (contents(folder) for folder in folders)
    changed = {name for name in plain if plain[name] != judged[name]}
    assert changed == {"metrics.parquet", "training.json"}
    rows = pq.read_table(folders[1] / "metrics.parquet").to_pylist()
    ends = {row["epoch"]: row for row in rows if row["epoch"] is not None}
    assert {epoch: row["step"] for epoch, row in ends.items()} == {0: 0, 1: 3, 2: 6, 3: 9}
    assert ends[0]["loss"] is None
    for row in ends.values():
        assert 0 <= row["dev_f1"] <= 1
        assert 0 < row["test_recall_50"] <= 1
