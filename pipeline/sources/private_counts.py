"""How popular items are, seen through noise only ([privacy] epsilon_popular): for the table `popular_items`.

Of each person the items last acted on in four weeks count, 1 / sqrt(k) each where there are k, so that a whole person
moves all counts together by at most 1. They are released once a night, with Gaussian noise; what is made of them then
costs nothing more. Nothing else that the source `popularity` makes is covered, its lists are not.
"""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.arrays import private_moments
from pipeline.features.read import Cutoff
from pipeline.ground import artifacts
from pipeline.privacy import accountant, noise, spending
from pipeline.privacy.noise import Noise
from pipeline.privacy.spending import Release
from pipeline.settings.config import Config

FILE = "private_counts.npy"
"""In the stage's folder: [I] float64, of tonight's items."""
DAYS = 28


def release(cutoff: Cutoff, config: Config, night: date, out: Path) -> dict[str, Any]:
    """Write FILE of a night's cut-off, and write down what that costs.

    Args:
        cutoff: tonight's.
        config: has the budget.
        night: that releases them.
        out: the stage's folder.
    Returns:
        what the manifest says of it: scalars.
    Raises:
        InputError: there is no key, or too little budget.
    """
    secret, section = noise.key(), config.privacy
    made_of = artifacts.file_sha256(cutoff.folder / "interactions.parquet")
    settings = (section.epsilon_popular, section.delta, section.contributions)
    known = (cutoff.cutoff, cutoff.users, cutoff.items)
    purpose = artifacts.text_sha256("popularity", made_of, known, settings, artifacts.code_version())
    mu = accountant.mu_of(section.epsilon_popular, section.delta)
    key = secret.derive("release").hash(purpose)
    spending.spend(config, Release(key, "popularity", cutoff.cutoff.isoformat(), night.isoformat(), mu))
    noised = counts(cutoff, section.contributions) + Noise(secret, purpose).normal(cutoff.items) / mu
    np.save(out / FILE, noised)
    made = f"popularity/{FILE}; the table popular_items"
    return {"private": made, "epsilon_per_fit": section.epsilon_popular, **spending.told(config, "popularity")}


def counts(cutoff: Cutoff, most: int) -> np.ndarray:
    """[I] float64, how many acted on each item in the last days; a whole person moves all of them by at most 1."""
    from scipy.sparse import csr_matrix

    table = cutoff.interactions(["user_index", "item_index", "last_age"])
    users, items, age = (column.to_numpy() for column in table.columns)
    lately = age < DAYS
    recent = 1 / (1 + np.maximum(age[lately], 0))
    history = csr_matrix((recent, (users[lately], items[lately])), shape=(cutoff.users, cutoff.items))
    return private_moments.counted(history, most)
