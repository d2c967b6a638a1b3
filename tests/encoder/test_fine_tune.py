"""Fine-tuning: the loss against a loop, a planted taste the pretrained model cannot know, the same bytes again."""

import itertools
import logging
import math
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.arrays import determinism
from pipeline.encoder import checkpoints, encoder_training, fine_tune, lexicon, sampling, text_vectors, tuning_modes
from pipeline.encoder import encoder as encoders
from pipeline.ground import artifacts
from pipeline.ground.errors import TrainingError
from pipeline.operations import stages
from pipeline.settings.sections.models import FineTune
from tests.encoder.text_shop import DAY, actions_of, write_text_shop
from tests.encoder.tiny_encoder import WORDS, write_tiny_bert
from tests.sources.shop import NIGHT, config_for, contents

TEXTS = [f"{a} {b}" for a, b in itertools.product(WORDS[:3], WORDS[3:7])] + [""]
KINDS = {"mug": 0, "lamp": 0, "plate": 1, "bag": 1}


def planted(texts: list[str], kinds: dict[str, int], users: int, seed: int = 0) -> np.ndarray:
    """[U, I] 1 where user u acted on an item whose text names a kind of taste u % 2; two thirds of those items."""
    rng = np.random.default_rng(seed)
    taste = np.array([next((t for word, t in kinds.items() if word in text), -1) for text in texts])
    return ((np.arange(users)[:, None] % 2 == taste) & (rng.random((users, len(texts))) < 2 / 3)).astype(np.float32)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    bought = planted(TEXTS, KINDS, users=12)
    return write_text_shop(tmp_path / "lake", {NIGHT: bought}, TEXTS, learned=bought)


def tuned(home: Path, tiny: Path, night: date = NIGHT, **section: Any) -> dict[str, Any]:
    settings = {"model": str(tiny), "steps": 3, "batch_items": 8, "lexicon_size": 4} | section
    return stages.run_stage("fine_tune", night, config_for(home, fine_tune=settings))


def test_the_loss_is_the_loop_over_its_definition() -> None:
    import torch

    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(6, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    acted = rng.random((5, 6)) * (rng.random((5, 6)) < 0.6)
    acted[:, :2] += 0.1
    total = weight = 0.0
    for row in acted:
        own = np.flatnonzero(row)
        for item in own:
            profile = sum(row[other] * vectors[other] for other in own if other != item)
            cosines = vectors @ profile / np.linalg.norm(profile) / 0.2
            rivals = [other for other in range(6) if other == item or other not in own]
            chance = math.exp(cosines[item]) / sum(math.exp(cosines[other]) for other in rivals)
            share = row[item] / math.sqrt(len(own))
            total, weight = total - share * math.log(chance), weight + share
    found = encoder_training.retrieval_loss(torch.tensor(vectors), torch.tensor(acted), 0.2)
    assert float(found) == pytest.approx(total / weight, rel=1e-6)


def test_weights_decay_and_returns_do_not_count() -> None:
    actions = actions_of(np.array([[1.0, 0.0, 2.0], [0.0, 0.5, 0.0]])).to_pydict()
    actions["day"][0] -= 30
    actions["weight"][2] = -1.0
    import pyarrow as pa

    found = fine_tune.weights(pa.table(actions), items=3, half_life_days=30)
    np.testing.assert_allclose(found.toarray(), [[0.5, 0, 2]])
    assert actions["day"][1] == DAY


def test_a_batch_holds_all_users_among_the_sampled_items() -> None:
    from scipy.sparse import csc_matrix

    rng = np.random.default_rng(0)
    values = (rng.random((30, 10)) < 0.4).astype(np.float32)
    items = sampling.sample_items(values.sum(axis=0), 4, 0.5, rng)
    assert sorted(set(items)) == list(items)
    block = values[:, items]
    expected = block[(block > 0).sum(axis=1) >= 2]
    np.testing.assert_array_equal(sampling.actions_among(csc_matrix(values), items, 1000, rng), expected)
    assert 0 < (sampling.actions_among(csc_matrix(values), items, 12, rng) > 0).sum() <= 12
    assert not set(sampling.sample_items(np.array([3, 0, 0, 1]), 4, 0.5, rng)) & {1, 2}


def test_the_stage_writes_what_transformers_reads(shop: Path, tmp_path: Path, tiny: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    report = tuned(tmp_path, tiny)["report"]
    folder = artifacts.stage_dir(tmp_path / "lake", "fine_tune", NIGHT) / "encoder"
    assert (report["steps"], report["texts"], report["cut_short"], report["linked"]) == (3, 12, False, False)
    assert AutoModel.from_pretrained(folder).config.hidden_size == 16
    assert AutoTokenizer.from_pretrained(folder)("red mug")["input_ids"]
    curve = pq.read_table(folder / "metrics.parquet").to_pydict()
    assert curve["step"] == [1, 2, 3]
    assert np.isfinite(curve["loss"]).all()
    assert not [path for path in folder.iterdir() if path.suffix in {".bin", ".pkl", ".pt"}]


def test_two_trainings_give_the_same_bytes_and_a_rerun_is_linked(
    shop: Path, tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned(tmp_path, tiny)
    folder = artifacts.stage_dir(tmp_path / "lake", "fine_tune", NIGHT)
    first = contents(folder)
    with monkeypatch.context() as patched:
        patched.setattr(stages, "_is_current", lambda *_: False)
        linked = stages.run_stage("fine_tune", NIGHT, config_for(tmp_path, fine_tune=settings_of(folder)))
    assert linked["report"]["linked"]
    folder.rename(tmp_path / "elsewhere")
    assert not tuned(tmp_path, tiny)["report"]["linked"]
    assert contents(folder) == first


def test_the_next_week_links_the_encoder_and_encodes_only_the_texts_that_came_since(tmp_path: Path, tiny: Path) -> None:
    bought, new, later = planted(TEXTS, KINDS, users=12), "green mug", NIGHT + timedelta(days=7)
    lake, texts = tmp_path / "lake", [*TEXTS, new]
    wider = np.pad(bought, ((0, 0), (0, 1)))
    write_text_shop(lake, {NIGHT: bought}, TEXTS, learned=bought)
    write_text_shop(lake, {later: wider}, texts, learned=bought, tuned=TEXTS, night=later)
    tuned(tmp_path, tiny)
    report = tuned(tmp_path, tiny, night=later)["report"]
    first, second = (artifacts.stage_dir(lake, "fine_tune", night) for night in (NIGHT, later))
    assert report["linked"]
    assert contents(second / "encoder") == contents(first / "encoder")
    rows, vectors = text_vectors.known_vectors(second / "texts")
    old_rows, old_vectors = text_vectors.known_vectors(first / "texts")
    assert set(rows) == set(old_rows) | {new}
    for text, row in old_rows.items():
        np.testing.assert_array_equal(vectors[rows[text]], old_vectors[row])
    fresh = text_vectors.load(second / "encoder").encode([new])
    np.testing.assert_allclose(vectors[rows[new]], fresh[0], atol=1e-6)


def settings_of(folder: Path) -> dict[str, Any]:
    settings: dict[str, Any] = artifacts.read_manifest(folder)["config"]["fine_tune"]
    return settings


def test_the_time_limit_cuts_short_and_says_so(
    shop: Path, tmp_path: Path, tiny: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        report = tuned(tmp_path, tiny, time_limit_minutes=1e-9)["report"]
    assert (report["steps"], report["cut_short"]) == (1, True)
    assert "cut short after 1 of 3 steps" in caplog.text


def test_nothing_to_learn_from_leaves_the_encoder_as_it_came(tmp_path: Path, tiny: Path) -> None:
    nothing = np.zeros((2, len(TEXTS)), dtype=np.float32)
    write_text_shop(tmp_path / "lake", {NIGHT: nothing + 1}, TEXTS, learned=nothing)
    report = tuned(tmp_path, tiny)["report"]
    assert report["steps"] == 0


def test_without_a_model_an_items_vector_is_its_words(shop: Path, tmp_path: Path) -> None:
    done = stages.run_stage(
        "fine_tune", NIGHT, config_for(tmp_path, fine_tune={"model": "none", "steps": 0, "lexicon_size": 4})
    )
    folder = artifacts.stage_dir(tmp_path / "lake", "fine_tune", NIGHT)
    known, vectors = text_vectors.known_vectors(folder / fine_tune.TEXTS)
    words = lexicon.fit(sorted(known), 4, config_for(tmp_path).seed)
    assert done["report"]["steps"] == 0
    np.testing.assert_array_equal(vectors, words.encode(sorted(known)))
    fresh = text_vectors.load(folder / fine_tune.PART).encode(["red mug", ""])
    np.testing.assert_array_equal(fresh, np.vstack([words.encode(["red mug"]), np.zeros((1, 4))]))


def test_a_model_of_neither_encoder_nor_words_is_refused() -> None:
    with pytest.raises(ValueError, match="no numbers"):
        FineTune(model="none", lexicon_size=0)


def test_frozen_layers_stay_as_they_came(tiny: Path) -> None:
    from scipy.sparse import csr_matrix

    encoder = encoders.load(str(tiny))
    tuning_modes.trainable(encoder.model, 0.5)
    names = {name.split(".layer.")[1][0] for name, p in encoder.model.named_parameters() if p.requires_grad}
    assert names == {"1"}
    before = encoder.model.get_input_embeddings().weight.clone()
    encoder_training.train(
        encoder, TEXTS, csr_matrix(planted(TEXTS, KINDS, 12)), FineTune(steps=2, batch_items=8), seed=0
    )
    assert bool((encoder.model.get_input_embeddings().weight == before).all())


def test_a_loss_that_is_not_finite_stops_the_run(shop: Path, tmp_path: Path, tiny: Path) -> None:
    with pytest.raises(TrainingError, match=r"lower fine_tune\.learning_rate"):
        tuned(tmp_path, tiny, learning_rate=1e30)


def test_the_packaged_model_learns_a_planted_taste_for_hidden_items() -> None:
    """Half the customers buy kitchen and music things, half garden and sewing things, in every colour."""
    kinds = {"kettle": 0, "guitar": 0, "shovel": 1, "needle": 1}
    colours = ("red", "blue", "green", "white", "black", "gold")
    texts = [f"{colour} {kind}" for colour in colours for kind in kinds]
    hidden = np.array([text.startswith(("black", "gold")) for text in texts])
    bought = planted(texts, kinds, users=40)
    bought[:, hidden] = 0
    # who only ever bought kettles or shovels is asked about guitars and needles, of colours never sold
    guitars, needles = ([n for n, t in enumerate(texts) if hidden[n] and kind in t] for kind in ("guitar", "needle"))
    kettles, shovels = (
        [n for n, t in enumerate(texts) if not hidden[n] and kind in t] for kind in ("kettle", "shovel")
    )

    def preference(encoder: encoders.Encoder) -> float:
        vectors = encoder.encode(texts)
        kitchen, garden = vectors[kettles].mean(axis=0), vectors[shovels].mean(axis=0)
        towards = vectors[guitars].mean(axis=0) - vectors[needles].mean(axis=0)
        return float((kitchen - garden) @ towards)

    from scipy.sparse import csr_matrix

    section = FineTune(steps=10, batch_items=16)
    with determinism.reproducible(seed=0, threads=2):
        encoder = encoders.load(section.model)
        before = preference(encoder)
        encoder_training.train(encoder, texts, csr_matrix(bought), section, seed=0)
    assert preference(encoder) > before + 0.2


def test_a_killed_training_goes_on_and_ends_with_the_same_bytes(
    tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought = planted(TEXTS, KINDS, users=12)
    homes = [tmp_path / name for name in ("whole", "killed")]
    for home in homes:
        write_text_shop(home / "lake", {NIGHT: bought}, TEXTS, learned=bought)
    settings = {"steps": 6, "checkpoint_minutes": 1e-9, "dropout": 0.2}
    tuned(homes[0], tiny, **settings)
    calls: list[int] = []
    loss = encoder_training.retrieval_loss

    def dies(*given: Any) -> Any:
        calls.append(len(calls))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return loss(*given)

    monkeypatch.setattr(encoder_training, "retrieval_loss", dies)
    with pytest.raises(KeyboardInterrupt):
        tuned(homes[1], tiny, **settings)
    tuned(homes[1], tiny, **settings)
    assert len(calls) == 4 + 3  # three steps were done, three were left
    folders = [next(home.rglob("fine_tune/run_date=*/encoder")) for home in homes]
    assert contents(folders[0]) == contents(folders[1])
    assert not list(homes[1].rglob("*.checkpoint"))


@pytest.mark.parametrize("damage", ["another training", "no tensors"])
def test_a_checkpoint_of_another_training_is_not_used(tmp_path: Path, damage: str) -> None:
    import torch

    parameter = torch.nn.Parameter(torch.zeros(3))
    optimizer, rng = torch.optim.AdamW([parameter]), np.random.default_rng(0)
    checkpoints.Checkpoint(tmp_path, "one").save(5, [], [torch.nn.Parameter(torch.ones(3))], optimizer, rng)
    if damage == "no tensors":
        (tmp_path / checkpoints.FILE).write_bytes(b"cut")
    key = "one" if damage == "no tensors" else "two"
    assert checkpoints.Checkpoint(tmp_path, key).restore([parameter], optimizer, rng) == (0, [])
    assert parameter.tolist() == [0, 0, 0]


def test_hard_negatives_are_the_als_neighbours_of_what_was_sampled() -> None:
    rng = np.random.default_rng(0)
    neighbours = np.array([[1, 2], [0, -1], [0, 1], [4, -1], [3, 0], [0, 1]])
    found = sampling.with_neighbours(np.array([0, 3]), neighbours, 4, rng)
    assert set(found) <= {0, 1, 2, 3, 4}
    assert {0, 3} < set(found)
    assert len(found) == 4
    from scipy.sparse import csr_matrix

    bought = csr_matrix(planted(TEXTS, KINDS, users=60))
    near = sampling.als_neighbours(bought, np.array([bool(text) for text in TEXTS]), seed=0, threads=1)
    taste = np.array([next((t for word, t in KINDS.items() if word in text), -1) for text in TEXTS])
    rows = [(item, other) for item in range(len(TEXTS) - 1) for other in near[item][:3] if other >= 0]
    assert np.mean([taste[item] == taste[other] for item, other in rows]) > 0.9
    assert not (near == len(TEXTS) - 1).any()  # an item without a text is nobody's negative


def test_leaving_out_tokens_keeps_the_frame_and_something_to_read() -> None:
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(50):
        found = sampling.thinned([101, 7, 8, 9, 102], 0.5, rng)
        assert (found[0], found[-1]) == (101, 102)
        assert 3 <= len(found) <= 5
        seen.add(tuple(found))
    assert len(seen) > 4
    assert sampling.thinned([101, 102], 0.9, rng) == [101, 102]


def test_a_basket_is_a_session_or_else_a_day_and_has_two_items() -> None:
    import pyarrow as pa

    rows = [(0, 0, 1, None), (0, 1, 1, None), (0, 2, 2, None), (1, 0, 5, 7), (1, 3, 6, 7), (1, 1, 6, 8)]
    names = ("user_index", "item_index", "day", "session_index")
    columns: dict[str, Any] = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    actions = pa.table({name: pa.array(values, pa.int32()) for name, values in columns.items()})
    actions = actions.append_column("weight", pa.array([1.0] * len(rows), pa.float32()))
    users = fine_tune.weights(actions, 4, half_life_days=1e9)
    found = fine_tune.with_baskets(users, actions, 1e9, share=0.5).toarray()
    np.testing.assert_allclose(found[:2], users.toarray())
    assert sorted(map(tuple, found[2:])) == [(0.5, 0, 0, 0.5), (0.5, 0.5, 0, 0)]


def test_the_popularity_correction_is_taken_off_the_logits() -> None:
    import torch

    vectors = torch.nn.functional.normalize(torch.randn(5, 3, generator=torch.manual_seed(0)), dim=1)
    acted = torch.tensor([[1.0, 1.0, 0, 0, 0], [0, 1.0, 2.0, 0, 0]])
    plain = encoder_training.retrieval_loss(vectors, acted, 0.2)
    same = encoder_training.retrieval_loss(vectors, acted, 0.2, torch.full((5,), 3.0))
    assert float(plain) == pytest.approx(float(same), rel=1e-6)  # a constant moves no softmax
    rare = torch.tensor([0.0, 0.0, 0.0, 5.0, 5.0])  # the rivals are popular: they weigh less
    assert float(encoder_training.retrieval_loss(vectors, acted, 0.2, rare)) < float(plain)


def test_accumulated_batches_enter_one_step(shop: Path, tmp_path: Path, tiny: Path) -> None:
    tuned(tmp_path, tiny, accumulate=3, epochs=0)
    curve = pq.read_table(next((tmp_path / "lake").rglob("metrics.parquet"))).to_pydict()
    assert curve["step"] == [1, 2, 3]
    home = tmp_path / "one"
    write_text_shop(home / "lake", {NIGHT: planted(TEXTS, KINDS, users=12)}, TEXTS, learned=planted(TEXTS, KINDS, 12))
    tuned(home, tiny, epochs=0)
    single = pq.read_table(next((home / "lake").rglob("metrics.parquet"))).to_pydict()
    assert curve["positives"][0] > 2 * single["positives"][0]


def test_a_tuning_goes_on_from_the_last_one_for_so_long_and_never_to_the_worse(
    tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bought = planted(TEXTS, KINDS, users=24)
    learned = bought * (np.random.default_rng(0).random(bought.shape) < 0.6)
    days = config_for(tmp_path).tuning_days
    nights = [NIGHT + timedelta(days=days * n) for n in range(4)]
    settings = {"steps": 6, "warm_starts": 2, "warm_steps": 2, "learning_rate": 1e-3}
    for night in nights:
        write_text_shop(tmp_path / "lake", {night: bought}, TEXTS, learned=learned, later=bought, night=night)
    rises = itertools.count()
    names = [
        f"{split}_{name}" for split in ("dev", "test") for name in ("ndcg_10", "recall_50", "precision", "recall", "f1")
    ]
    monkeypatch.setattr(encoder_training.Training, "judge", lambda *_: dict.fromkeys(names, next(rises) / 100))
    reports = [tuned(tmp_path, tiny, night=night, **settings)["report"] for night in nights]
    assert [(report["generation"], report["steps"]) for report in reports] == [(0, 6), (1, 2), (2, 2), (0, 6)]
    again = tuned(tmp_path, tiny, night=nights[1], **settings)
    assert again["skipped"]
    falls = itertools.count(0, -1)
    monkeypatch.setattr(encoder_training.Training, "judge", lambda *_: dict.fromkeys(names, 0.5 + next(falls) / 100))
    later = NIGHT + timedelta(days=days * 5)
    write_text_shop(tmp_path / "lake", {later: bought}, TEXTS, learned=learned, later=bought, night=later)
    with caplog.at_level(logging.WARNING):
        report = tuned(tmp_path, tiny, night=later, **settings)["report"]
    assert (report["generation"], report["steps"]) == (0, 6)
    assert "starts from" in caplog.text
    with pytest.raises(ValueError, match="warm_starts needs mode full"):
        FineTune(warm_starts=1, mode="head")


def test_a_shortened_encoder_is_saved_and_read_as_one(tmp_path: Path, tiny: Path) -> None:
    from pipeline.ground.errors import InputError

    short = encoders.load(str(tiny), layers=1)
    short.save(tmp_path / "short")
    again = encoders.reload(tmp_path / "short")
    assert isinstance(again, encoders.Encoder)
    assert again.model.config.num_hidden_layers == 1
    np.testing.assert_array_equal(again.encode(TEXTS), short.encode(TEXTS))
    assert np.abs(short.encode(TEXTS) - encoders.load(str(tiny)).encode(TEXTS)).max() > 1e-3
    with pytest.raises(InputError, match="the encoder has only 2"):
        encoders.load(str(tiny), layers=3)
