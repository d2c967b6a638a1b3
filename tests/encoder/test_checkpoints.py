"""A training that was killed goes on, to the same bytes; the checkpoint of another one is not used."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.encoder import checkpoints, losses
from tests.encoder.planted_taste import KINDS, TEXTS, planted, tuned
from tests.encoder.text_shop import write_text_shop
from tests.sources.shop import NIGHT, contents


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
    loss = losses.retrieval_loss

    def dies(*given: Any) -> Any:
        calls.append(len(calls))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return loss(*given)

    monkeypatch.setattr(losses, "retrieval_loss", dies)
    with pytest.raises(KeyboardInterrupt):
        tuned(homes[1], tiny, **settings)
    tuned(homes[1], tiny, **settings)
    assert len(calls) == 4 + 3  # three steps were done, three were left
    folders = [next(home.rglob("fine_tune/run_date=*/encoder")) for home in homes]
    assert contents(folders[0]) == contents(folders[1])
    assert not list(homes[1].rglob("*.checkpoint"))


@pytest.mark.parametrize("damage", ["another training", "no tensors"])
def test_a_checkpoint_of_another_training_is_not_used(tmp_path: Path, damage: str) -> None:

    parameter = torch.nn.Parameter(torch.zeros(3))
    optimizer, rng = torch.optim.AdamW([parameter]), np.random.default_rng(0)
    checkpoints.Checkpoint(tmp_path, "one").save(5, [], [torch.nn.Parameter(torch.ones(3))], optimizer, rng)
    if damage == "no tensors":
        (tmp_path / checkpoints.FILE).write_bytes(b"cut")
    key = "one" if damage == "no tensors" else "two"
    assert checkpoints.Checkpoint(tmp_path, key).restore([parameter], optimizer, rng) == (0, [])
    assert parameter.tolist() == [0, 0, 0]
