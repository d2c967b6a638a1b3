"""Item and user vectors: against a loop over the definition, for new and textless items, and linked when unchanged."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.encoder import vectors as text_vectors
from pipeline.ground import artifacts, lists, schemas
from pipeline.operations import stages
from pipeline.sources import language_model
from pipeline.sources.language_model import LanguageModel
from tests.encoder.text_shop import write_text_shop
from tests.encoder.tiny_encoder import write_tiny_bert
from tests.sources.shop import NIGHT, config_for, contents

TEXTS = ["red mug", "blue mug", "red plate", "blue plate", "green lamp", "green bag", ""]
NEW = "green mug"
BEFORE = NIGHT - timedelta(days=14)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def bought() -> np.ndarray:
    rng = np.random.default_rng(3)
    found = (rng.random((9, len(TEXTS))) < 0.5).astype(np.float32)
    found[:, 0] = 1
    found[8] = 0
    return found


def with_new(values: np.ndarray) -> np.ndarray:
    """The same actions when one more item is known that nobody bought."""
    return np.pad(values, ((0, 0), (0, 1)))


def ran(home: Path, tiny: Path, night: Any = NIGHT) -> tuple[Path, dict[str, Any]]:
    section = {"model": str(tiny), "steps": 2, "batch_items": 4, "lexicon_size": 3}
    config = config_for(home, fine_tune=section, language_model={"candidates": 4})
    stages.run_stage("fine_tune", night, config)
    manifest = stages.run_stage("language_model", night, config)
    return artifacts.stage_dir(config.lake, "language_model", night), manifest["report"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny: Path, bought: np.ndarray) -> Path:
    home = tmp_path_factory.mktemp("home")
    cutoffs = {NIGHT: with_new(bought), BEFORE: bought[:7]}
    write_text_shop(home / "lake", cutoffs, [*TEXTS, NEW], learned=bought, anchored=TEXTS)
    ran(home, tiny)
    return home


def test_every_item_has_a_vector_and_a_textless_one_a_zero_vector(home: Path, tiny: Path) -> None:
    folder, report = ran(home, tiny)
    vectors = np.load(folder / "item_vectors.npy")
    assert vectors.shape == (len(TEXTS) + 1, 16 + 3)
    assert np.isfinite(vectors).all()
    assert vectors.any(axis=1).tolist() == [True] * 6 + [False, True]
    assert (report["items"], report["without_text"], report["encoded"]) == (8, 1, 1)
    tuned = artifacts.stage_dir(home / "lake", "fine_tune", NIGHT) / "encoder"
    expected = text_vectors.load(tuned).encode([NEW, TEXTS[0]])
    np.testing.assert_allclose(vectors[[7, 0]], expected, atol=1e-5)


@pytest.mark.parametrize("cutoff", [NIGHT, BEFORE])
def test_lists_are_the_best_products_of_the_vectors(home: Path, tiny: Path, bought: np.ndarray, cutoff: Any) -> None:
    folder, _ = ran(home, tiny)
    part = lists.cutoff_dir(folder, cutoff)
    values = with_new(bought) if cutoff == NIGHT else bought[:7]
    targets = np.flatnonzero(values.any(axis=1))
    users = np.load(part / "user_vectors.npy")
    assert users.shape[0] == len(targets)
    scores = users @ np.load(folder / "item_vectors.npy")[: values.shape[1]].T
    scores[:, 6] = -np.inf  # without text
    for pool in lists.KINDS:
        allowed = scores.copy()
        if pool == "new":
            allowed[values[targets] > 0] = -np.inf
        items, best = lists.read_list(part, pool, "language_model")
        for row in range(len(targets)):
            expected = np.argsort(-allowed[row], kind="stable")[:4]
            expected = expected[np.isfinite(allowed[row][expected])]
            np.testing.assert_array_equal(items[row][items[row] >= 0], expected)
            np.testing.assert_allclose(best[row][: len(expected)], allowed[row][expected], rtol=1e-4, atol=1e-6)


def test_preferences_are_the_ridge_regression_of_hidden_actions() -> None:
    """The closed form equals, in expectation, regression on profiles from which actions were dropped at random."""
    from scipy.sparse import csr_matrix

    rng = np.random.default_rng(0)
    history = (rng.random((15, 6)) < 0.5) * rng.random((15, 6))
    history[:, 5] = 0  # not sold yet
    vectors = rng.normal(size=(6, 3))
    section = LanguageModel(dropout=0.4, user_reg=2.0, item_reg=0.5, user_power=0.0)
    gram, answer = np.zeros((3, 3)), np.zeros((3, 3))
    rounds = 4000
    for _ in range(rounds):
        kept = history * (rng.random(history.shape) > 0.4) / 0.6
        gram += (kept @ vectors).T @ (kept @ vectors) / rounds
        answer += (kept @ vectors).T @ (history @ vectors) / rounds
    sold = vectors[:5]
    expected = np.linalg.solve(gram + 2.0 * np.eye(3), answer) @ np.linalg.inv(sold.T @ sold + 0.5 * np.eye(3))
    found = language_model.fit_preferences(csr_matrix(history, dtype=np.float32), vectors.astype(np.float32), section)
    np.testing.assert_allclose(found, expected, rtol=0.05, atol=0.01)


def test_what_nobody_bought_of_a_large_catalogue_is_not_looked_at() -> None:
    """Its vectors could be anything: what is learned is the same, and costs what it costs without them."""
    from scipy.sparse import csr_matrix

    rng, section = np.random.default_rng(2), LanguageModel()
    history, vectors = rng.random((20, 6)).astype(np.float32), rng.normal(size=(6, 3)).astype(np.float32)
    alone = language_model.fit_preferences(csr_matrix(history), vectors, section)
    unsold = np.full((50, 3), np.nan, np.float32)
    wide = csr_matrix(np.hstack([history, np.zeros((20, 50), np.float32)]))
    beside = language_model.fit_preferences(wide, np.concatenate([vectors, unsold]), section)
    np.testing.assert_allclose(beside, alone, rtol=1e-5)


@pytest.mark.parametrize(("few_items", "profiles"), [(4096, 2**15), (5, 2**15), (5, 7)])
def test_the_gram_matrix_of_many_users_is_the_same_by_items_and_by_blocks_of_users(
    few_items: int, profiles: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scipy.sparse import csr_matrix

    monkeypatch.setattr(language_model, "FEW_ITEMS", few_items)
    monkeypatch.setattr(language_model, "PROFILES", profiles)
    rng, section = np.random.default_rng(5), LanguageModel(user_power=0.0)
    history = ((rng.random((60, 6)) < 0.4) * rng.random((60, 6))).astype(np.float32)
    vectors = rng.normal(size=(6, 3)).astype(np.float32)
    gram = sum(np.outer(row @ vectors, row @ vectors) for row in history.astype(np.float64))
    noise = vectors.T @ (vectors * ((history**2).sum(axis=0) * 9)[:, None])
    left = np.linalg.solve(gram + noise + section.user_reg * np.eye(3), gram)
    expected = left @ np.linalg.inv(vectors.T @ vectors + section.item_reg * np.eye(3))
    found = language_model.fit_preferences(csr_matrix(history), vectors, section)
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_a_list_is_the_same_however_many_profiles_are_in_memory(
    home: Path, tiny: Path, tmp_path: Path, bought: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = ran(home, tiny)
    cutoffs = {NIGHT: with_new(bought), BEFORE: bought[:7]}
    write_text_shop(tmp_path / "lake", cutoffs, [*TEXTS, NEW], learned=bought, anchored=TEXTS)
    monkeypatch.setattr(language_model, "PROFILES", 3)
    other, _ = ran(tmp_path, tiny)
    parts = (lists.cutoff_dir(one, NIGHT) for one in (folder, other))
    plain, blocked = ({path.name: np.load(path) for path in sorted(part.glob("*.npy"))} for part in parts)
    assert plain.keys() == blocked.keys()
    np.testing.assert_allclose(blocked["user_vectors.npy"], plain["user_vectors.npy"], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(blocked["all.language_model.items.npy"], plain["all.language_model.items.npy"])


def test_user_vectors_are_the_weighted_mean_through_the_preferences() -> None:
    from scipy.sparse import csr_matrix

    history = np.array([[1.0, 3.0], [0.0, 0.0]])
    vectors = np.array([[1.0, 0.0], [0.0, 2.0]], dtype=np.float32)
    swap = np.array([[0.0, 1.0], [1.0, 0.0]], dtype=np.float32)
    found = language_model.user_vectors(csr_matrix(history), vectors, swap)
    np.testing.assert_allclose(found, [[1.5, 0.25], [0, 0]])


def test_the_next_night_links_the_label_cutoffs_and_encodes_only_new_texts(
    home: Path, tiny: Path, bought: np.ndarray, tmp_path: Path
) -> None:
    after = NIGHT + timedelta(days=1)
    later = with_new(with_new(bought))
    texts = ["a better title", *TEXTS[1:], NEW, "star heart"]
    for place in (home, tmp_path):  # beside a finished night, and alone
        write_text_shop(
            place / "lake", {after: later, BEFORE: bought[:7]}, texts, learned=bought, anchored=TEXTS, night=after
        )
    folder, report = ran(home, tiny, after)
    assert (report["encoded"], report["cutoffs"], report["linked"]) == (2, 2, 1)
    alone, report = ran(tmp_path, tiny, after)
    assert (report["encoded"], report["linked"]) == (2, 0)
    assert contents(alone) == contents(folder)
    np.testing.assert_array_equal(
        np.load(folder / "item_vectors.npy")[:7],
        np.load(artifacts.stage_dir(home / "lake", "language_model", NIGHT) / "item_vectors.npy")[:7],
    )


def test_what_somebody_dislikes_now_is_seen(home: Path, tiny: Path, tmp_path: Path, bought: np.ndarray) -> None:
    """Also where nothing else changed: its lists are not linked."""
    after = NIGHT + timedelta(days=2)
    features = write_text_shop(
        home / "lake",
        {after: with_new(bought), BEFORE: bought[:7]},
        [*TEXTS, NEW],
        learned=bought,
        anchored=TEXTS,
        night=after,
    )
    path = lists.cutoff_dir(features, BEFORE) / "disliked.parquet"
    disliked = pa.table({"user_index": [0], "item_index": [0]}, schema=schemas.DISLIKED)
    pq.write_table(disliked, path)
    folder, report = ran(home, tiny, after)
    assert report["linked"] == 0
    assert 0 not in lists.read_list(lists.cutoff_dir(folder, BEFORE), "all", "language_model")[0][0]


def test_a_night_without_new_texts_never_loads_the_encoder(
    tiny: Path, bought: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path) -> None:
        raise AssertionError(f"{folder} was loaded")

    write_text_shop(tmp_path / "lake", {NIGHT: bought}, TEXTS, learned=bought)
    monkeypatch.setattr(text_vectors, "load", refuse)
    assert ran(tmp_path, tiny)[1]["encoded"] == 0
