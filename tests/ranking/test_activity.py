"""Whether users act: learned from all of them, the quiet ones too."""

import numpy as np

from pipeline.features import rates
from pipeline.ranking import activity
from tests.planted import USERS, plant, small, window


def test_everybody_with_a_history_counts(tmp_path):
    night = plant(tmp_path)
    cutoff = window(night, "judge")
    acted = activity.acted(cutoff, "all")
    assert acted.shape == (USERS,)
    assert 0 < acted.sum() < USERS
    assert set(np.flatnonzero(acted)) == set(cutoff.labels().column("user_index").to_pylist())
    assert activity.acted(cutoff, "new").sum() <= acted.sum()
    assert rates.has_history(cutoff).all()


def test_probabilities_are_those_of_the_windows_it_learned_from(tmp_path):
    night = plant(tmp_path, min_leaf=5)
    windows = night.cutoffs[1:]
    model = activity.fit(windows, "all", night.config)
    assert model is not None
    foretold = np.concatenate([model.predict(activity.features(c)) for c in windows])
    came = np.concatenate([activity.acted(c, "all") for c in windows])
    assert abs(foretold.mean() - came.mean()) < 0.02


def test_nothing_to_learn_is_no_model_and_even_odds(tmp_path):
    night = plant(tmp_path)
    assert activity.fit([], "all", small(tmp_path)) is None
    assert not activity.log_odds(tmp_path / "no.txt", window(night, "judge"), 1).any()
