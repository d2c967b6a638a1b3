"""Two processes on a CPU, talking through gloo: gradients are sums, and a training together is one training."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.encoder import distributed
from pipeline.encoder import vectors as text_vectors
from pipeline.ground import artifacts
from pipeline.ground.errors import TrainingError
from pipeline.operations import stages
from tests.encoder.planted_taste import KINDS, TEXTS, planted
from tests.encoder.text_shop import write_text_shop
from tests.sources.shop import NIGHT, config_for


def add_up_here(folder: Path) -> None:
    """What one process of the first test does, and then it dies."""
    import torch

    rank = distributed.rank()
    with_gradient, without = (torch.nn.Parameter(torch.zeros(2)) for _ in range(2))
    with_gradient.grad = torch.tensor([1.0, 10.0]) * (rank + 1)
    if rank:
        without.grad = torch.tensor([5.0, 5.0])
    told = distributed.add_up([1.0, float(rank)], [with_gradient, without])
    assert without.grad is not None
    found = [distributed.world(), told, with_gradient.grad.tolist(), without.grad.tolist()]
    found += [distributed.anywhere(bool(rank)), distributed.anywhere(False)]
    (folder / f"{rank}.json").write_text(json.dumps(found))
    distributed.anywhere(False)  # the other one has written, too
    raise ValueError(f"{folder} is of no use")


def test_gradients_and_numbers_are_summed_over_the_processes_and_one_that_dies_stops_them(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"process \d of 2 died: .*of no use"):
        distributed.run(add_up_here, 2, tmp_path)
    for rank in (0, 1):
        assert json.loads((tmp_path / f"{rank}.json").read_text()) == [2, [2, 1], [3, 30], [5, 5], True, False]


def test_alone_nothing_is_asked_of_anybody() -> None:
    assert (distributed.rank(), distributed.world(), distributed.add_up([2.0], [])) == (0, 1, [2.0])
    assert (distributed.anywhere(True), distributed.anywhere(False)) == (True, False)


def trained(home: Path, tiny: Path, processes: int) -> tuple[dict[str, list[float]], np.ndarray]:
    """The curve of a training of five steps, and the vectors that the encoder gives the items."""
    bought = planted(TEXTS, KINDS, users=24)
    write_text_shop(home / "lake", {NIGHT: bought}, TEXTS, learned=bought)
    section = {"model": str(tiny), "steps": 5, "batch_items": 8, "lexicon_size": 4, "processes": processes}
    done = stages.run_stage("fine_tune", NIGHT, config_for(home, fine_tune=section))
    assert done["report"]["steps"] == 5
    folder = artifacts.stage_dir(home / "lake", "fine_tune", NIGHT) / "encoder"
    return pq.read_table(folder / "metrics.parquet").to_pydict(), np.asarray(text_vectors.known_vectors(folder)[1])


@pytest.mark.slow  # each process imports torch anew; what is summed over them, and how they end, is in every run
def test_two_processes_train_one_encoder_on_twice_the_positives(tmp_path: Path, tiny: Path) -> None:
    (alone, by_one), (both, by_two) = (trained(tmp_path / str(processes), tiny, processes) for processes in (1, 2))
    assert sum(both["positives"]) > 1.7 * sum(alone["positives"])
    assert np.isfinite(both["loss"]).all()
    assert np.abs(by_one - by_two).max() > 1e-6


@pytest.mark.slow  # that trainings repeat, test_fine_tune says of one process
def test_two_processes_train_the_same_encoder_again(tmp_path: Path, tiny: Path) -> None:
    first, again = (trained(tmp_path / name, tiny, 2)[1] for name in ("first", "again"))
    np.testing.assert_array_equal(first, again)
