"""What the small shop's ensemble leaves beside its lists where explanations are asked for: nothing was learned yet."""

import json
from pathlib import Path

import numpy as np

from pipeline.ground import lists
from pipeline.settings.config import Config


def write(ensemble: Path, part: str, config: Config, users: int) -> None:
    """Write recipes and calibrations of a young log, and the merged lists of the final ones.

    Args:
        ensemble: the stage's folder, with the final lists.
        part: the cut-off's folder in it.
        config: the shop's.
        users: how many there are.
    """
    weights = [1 / len(config.ensemble.members)] * len(config.ensemble.members)
    recipe = {"weights": weights, "single": None, "share": 0.0}
    (ensemble / "weights.json").write_text(json.dumps({"publish": dict.fromkeys(config.pools, recipe)}))
    (ensemble / "calibration.json").write_text(json.dumps({"publish": dict.fromkeys(config.pools)}))
    for pool in config.pools:
        lists.write_list(ensemble / part, pool, "weighted", *lists.read_list(ensemble / part, pool, "final"))
        np.save(ensemble / part / f"{pool}.activity.npy", np.ones(users, dtype=np.float32))
