"""Fine-tuning on several GPUs, or in several processes of one machine, by torch's own launcher (what `torchrun` calls).

Every process samples batches of its own; a step sums the gradients of all of them, so it has that many times the
positives. The first process judges, saves checkpoints and the encoder. On CPUs the processes talk through gloo.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import torch
from torch import distributed
from torch.distributed.elastic.multiprocessing.errors import record

from pipeline.ground.errors import TrainingError

# A process waits so long for the others: the first one judges epochs meanwhile.
PATIENCE = timedelta(hours=1)


def rank() -> int:
    """Number of this process; 0 where there is only one."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def world() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def add_up(numbers: list[float], parameters: Sequence[torch.nn.Parameter]) -> list[float]:
    """Sum numbers and, in place, gradients over all processes; a parameter without a gradient counts as 0."""
    if world() == 1:
        return numbers
    device = parameters[0].device
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    distributed.all_reduce(flat)
    for gradient, part in zip(gradients, torch.split(flat, [gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))
    told = torch.tensor(numbers, dtype=torch.float64, device=device)
    distributed.all_reduce(told)
    return [float(number) for number in told]


def anywhere(said: bool) -> bool:
    """Whether any of the processes says so; all of them have to ask."""
    if world() == 1:
        return said
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    told = torch.tensor(float(said), device=device)
    distributed.all_reduce(told)
    return bool(told > 0)


def run(function: Callable[..., Any], processes: int, *given: Any) -> None:
    """Call a function of a module in several processes that can `add_up`, and wait for them.

    Raises:
        TrainingError: one of them died; the others are stopped.
    """
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        start_method="spawn",
    )
    try:
        elastic_launch(config, entrypoint=_process)(function, *given)
    except ChildFailedError as error:
        number, failure = error.get_first_failure()
        said = str(failure.message).strip().splitlines() or [f"exit code {failure.exitcode}"]
        raise TrainingError(f"fine_tune: process {number} of {processes} died: {said[-1]}") from None


@record
def _process(function: Callable[..., Any], *given: Any) -> None:
    """One process: join the others, take the GPU of its number, work."""
    on_gpu = torch.cuda.is_available()
    distributed.init_process_group("nccl" if on_gpu else "gloo", timeout=PATIENCE)
    try:
        if on_gpu:
            torch.cuda.set_device(rank() % torch.cuda.device_count())
        if rank() == 0:
            logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
        function(*given)
    finally:
        distributed.destroy_process_group()
