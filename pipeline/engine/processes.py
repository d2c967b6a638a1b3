"""The tasks of a job in several processes of this machine (joblib's loky)."""

from collections.abc import Iterator

from pipeline.engine.work import Job, Part
from pipeline.ground.errors import ResourceError


def run(job: Job, workers: int) -> Iterator[Part]:
    """The parts in order, each as soon as it and those before it are there.

    Raises:
        PipelineError: as the work says.
        ResourceError: a process was killed.
    """
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    try:
        with parallel_config(backend="loky", inner_max_num_threads=job.threads):
            shared = Parallel(n_jobs=workers, return_as="generator", pre_dispatch="2 * n_jobs", batch_size=1)
            yield from shared(delayed(job.run)(number) for number in range(len(job.tasks)))
    except TerminatedWorkerError:
        raise ResourceError(
            f"one of {workers} processes was killed, as a system does that has too little memory: lower workers or "
            "block_users, or give the machine more; then run it again"
        ) from None
