"""The encoder's head from one noised sum: against a loop, what a person moves, what the stage writes and refuses."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from pipeline.encoder import private_head
from pipeline.encoder import vectors as text_vectors
from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.operations import stages
from pipeline.privacy import accountant, noise, spending
from pipeline.sources.configuration import FullConfig
from tests.encoder.text_shop import write_text_shop
from tests.encoder.tiny_encoder import write_tiny_bert
from tests.sources.shop import NIGHT, config_for

KEY = "a secret that is long enough"
TEXTS = ["red mug", "blue mug", "red plate", "blue plate", "green lamp", "green bag", ""]
NOISED: dict[str, Any] = {"epsilon_texts": 3.0, "epsilon_budget": 20.0}
RNG = np.random.default_rng(4)


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(noise.VARIABLE, KEY)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("models") / "tiny")


def likes(people: int = 40) -> np.ndarray:
    found = (np.random.default_rng(3).random((people, len(TEXTS))) < 0.5).astype(np.float32)
    found[:, 0] = 1
    return found


def config_of(home: Path, tiny: Path, values: np.ndarray, **over: Any) -> FullConfig:
    section = {"model": str(tiny), "steps": 2, "batch_items": 4, "lexicon_size": 3}
    privacy, tuned = NOISED | over.pop("privacy", {}), over.pop("fine_tune", {})
    config = config_for(home, fine_tune=section | tuned, language_model={"candidates": 4}, privacy=privacy, **over)
    write_text_shop(config.lake, {NIGHT: values}, TEXTS, learned=values)
    return config


def ran(config: FullConfig, night: Any = NIGHT, *, force: bool = False) -> tuple[Path, dict[str, Any]]:
    stages.run_stage("fine_tune", night, config, force=force)
    report = stages.run_stage("language_model", night, config, force=force)["report"]
    return artifacts.stage_dir(config.lake, "language_model", night), report


class Silence:
    """Noise of nothing."""

    def normal(self, *shape: int) -> np.ndarray:
        return np.zeros(shape)

    def symmetric(self, size: int) -> np.ndarray:
        return np.zeros((size, size))


def length_one(rows: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)


def test_the_map_is_that_of_a_loop() -> None:
    vectors = length_one(RNG.normal(size=(30, 5)) + 2).astype(np.float32)
    vectors[7] = 0  # an item without a text
    history = (RNG.random((20, 30)) < 0.3) * RNG.random((20, 30))
    weight, bias = private_head.head(vectors, csr_matrix(history, dtype=np.float32), 4, 0.0, Silence())
    known = np.flatnonzero(vectors.any(axis=1))
    mean = vectors[known].astype(np.float64).mean(axis=0)
    apart = length_one(vectors[known] - mean)
    values, axes = np.linalg.eigh(sum(np.outer(row, row) for row in apart))
    spread = np.zeros((30, 5))
    spread[known] = length_one((vectors[known] - mean) @ axes / np.sqrt(values / values.mean() + private_head.EVENED))
    moments = np.zeros((5, 5))
    for row in history:
        best = np.argsort(-row, kind="stable")[:4]
        person = (row[best] / np.linalg.norm(row[best])) @ spread[best]
        person /= np.linalg.norm(person)
        moments += np.outer(person, person)
    strength, tastes = np.linalg.eigh(moments)
    whole = axes / np.sqrt(values / values.mean() + private_head.EVENED) @ tastes
    whole *= np.sqrt(1 + private_head.STRENGTH * strength * 5 / 20)
    expected = length_one((vectors[known] - mean) @ whole)
    found = length_one(vectors[known] @ weight.T + bias)
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-4)


@pytest.mark.parametrize("person", [0, 5])
@pytest.mark.parametrize("block", [1, 3, 2**15])
def test_a_whole_person_moves_the_sum_by_one(person: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_head, "PEOPLE", block)
    vectors = length_one(RNG.normal(size=(12, 4)))
    history = (RNG.random((8, 12)) < 0.5) * RNG.random((8, 12)).astype(np.float32)
    history[person, 0] = 1
    without = history.copy()
    without[person] = 0
    apart = [private_head.tastes(csr_matrix(one), vectors, 50) for one in (history, without)]
    assert np.linalg.norm(np.subtract(*apart)) == pytest.approx(1.0)


def test_the_encoder_is_untouched_but_for_its_head_and_it_is_said(tmp_path: Path, tiny: Path) -> None:
    config = config_of(tmp_path, tiny, likes())
    folder, report = ran(config)
    vectors = np.load(folder / "item_vectors.npy")
    assert np.isfinite(vectors).all()
    assert vectors.any(axis=1).tolist() == [True] * 6 + [False]
    tuned = artifacts.stage_dir(config.lake, "fine_tune", NIGHT) / "encoder"
    np.testing.assert_allclose(vectors[:6], text_vectors.load(tuned).encode(TEXTS[:6]), atol=1e-5)
    assert (tuned / "model.safetensors").read_bytes() == (tiny / "model.safetensors").read_bytes()
    assert (report["epsilon_per_fit"], report["releases"]) == (3.0, 1)
    assert report["epsilon_spent"] == pytest.approx(3.0, abs=1e-4)
    assert [release.of for release in spending.read(config)] == ["fine_tune"]
    assert KEY not in spending.path(config).read_text()


def test_a_rerun_costs_nothing_and_other_people_give_another_head(tmp_path: Path, tiny: Path) -> None:
    config = config_of(tmp_path / "one", tiny, likes())
    folder, _ = ran(config)
    before = np.load(folder / "item_vectors.npy")
    ran(config, force=True)
    assert np.array_equal(np.load(folder / "item_vectors.npy"), before)
    assert len(spending.read(config)) == 1
    other, _ = ran(config_of(tmp_path / "other", tiny, likes(41)))
    assert not np.allclose(np.load(other / "item_vectors.npy"), before)


@pytest.mark.parametrize(("learned", "moved"), [(40, 1.0), (39, 2**0.5)])
def test_where_a_sample_is_learned_from_a_person_moves_two(
    tmp_path: Path, tiny: Path, learned: int, moved: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, made = [], private_head.head

    def look(*given: Any) -> Any:
        seen.append(given[3])
        return made(*given)

    monkeypatch.setattr(private_head, "head", look)
    ran(config_of(tmp_path, tiny, likes(), features={"learned_users": learned}))
    assert seen == [pytest.approx(moved / accountant.mu_of(3.0, 1e-5))]


def test_it_goes_on_from_nothing_that_is_not_private(tmp_path: Path, tiny: Path) -> None:
    """A tuning without noise a week ago is no beginning."""
    from pipeline.encoder import warm_starts

    plain = config_of(tmp_path, tiny, likes(), privacy={"epsilon_texts": 0.0}, fine_tune={"warm_starts": 3})
    stages.run_stage("fine_tune", NIGHT, plain)
    later = NIGHT + timedelta(days=14)
    noised = FullConfig.model_validate(plain.model_dump() | {"privacy": NOISED})
    assert warm_starts.parent_of(later, plain) is not None
    assert warm_starts.parent_of(later, noised) is None


def test_an_encoder_without_noise_is_not_said_to_be_noised(tmp_path: Path, tiny: Path) -> None:
    """Where only the language model is run again, or the noise asked for is another."""
    plain = config_of(tmp_path, tiny, likes(), privacy={"epsilon_texts": 0.0})
    ran(plain)
    noised, other = (
        FullConfig.model_validate(plain.model_dump() | {"privacy": NOISED | {"epsilon_texts": epsilon}})
        for epsilon in (3.0, 2.0)
    )
    with pytest.raises(InputError, match=r"was not made with privacy\.epsilon_texts = 3: run stage 'fine_tune'"):
        stages.run_stage("language_model", NIGHT, noised, force=True)
    assert ran(noised)[1]["epsilon_per_fit"] == 3.0
    with pytest.raises(InputError, match=r"epsilon_texts = 2"):
        stages.run_stage("language_model", NIGHT, other, force=True)


def test_without_a_key_it_does_not_start(tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(noise.VARIABLE)
    with pytest.raises(InputError, match=noise.VARIABLE):
        ran(config_of(tmp_path, tiny, likes()))


def test_a_night_that_would_overspend_stops(tmp_path: Path, tiny: Path) -> None:
    config = config_of(tmp_path, tiny, likes(), privacy={"epsilon_budget": 3.0})
    spending.spend(config, spending.Release("a", "als", "2011-04-01", "2011-04-01", 0.5))
    with pytest.raises(InputError, match=r"fine_tune: another release .* end what was promised of the encoder"):
        ran(config)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"fine_tune": {"model": "none"}}, "there is none"),
        ({"language_model": {"enabled": False}}, "there is none"),
        ({"fine_tune": {"start_from": "/elsewhere"}}, "names one that did not"),
    ],
)
def test_what_cannot_be_promised_is_refused(tmp_path: Path, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        config_for(tmp_path, privacy=NOISED, **settings)
