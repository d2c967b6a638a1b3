"""A stage's run as OpenLineage events: START when it begins, then COMPLETE, FAIL or ABORT."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    JobFacet,
    RunFacet,
    error_message_run,
    job_type_job,
    nominal_time_run,
    parent_run,
    processing_engine_run,
)
from openlineage.client.uuid import generate_static_uuid

from pipeline import __version__
from pipeline.ground.errors import PipelineError
from pipeline.ground.secrets import without_secrets
from pipeline.lineage.followed import Followed, environment_parent, namespace
from pipeline.settings.config import Config

PRODUCER = f"urn:nightjar:{__version__}"


@dataclass(frozen=True)
class Step:
    """A run that events are about.

    Attributes:
        name: the job's, below the night's: "ingest", "publish.checks".
        followed: the stage of a night.
        run_id: of this run.
        parent: the run that it is a part of.
    """

    name: str
    followed: Followed
    run_id: str
    parent: parent_run.ParentRunFacet

    def event(
        self,
        state: RunState,
        at: datetime,
        inputs: list[InputDataset],
        outputs: list[OutputDataset],
        facets: Mapping[str, RunFacet] | None = None,
    ) -> RunEvent:
        """An event about the run, at a moment."""
        config = self.followed.config
        starts, ends = nominal(config, self.followed)
        told: dict[str, RunFacet] = {
            "parent": self.parent,
            "nominalTime": nominal_time_run.NominalTimeRunFacet(starts.isoformat(), ends.isoformat()),
            "processing_engine": processing_engine_run.ProcessingEngineRunFacet(version=__version__, name="Nightjar"),
            **(facets or {}),
        }
        kind: dict[str, JobFacet] = {"jobType": job_type_job.JobTypeJobFacet("BATCH", "NIGHTJAR", "STAGE")}
        made = RunEvent(
            eventType=state,
            eventTime=at.isoformat(),
            run=Run(self.run_id, facets=dict(told)),
            job=Job(namespace(), job_name(config, self.name), facets=dict(kind)),
            inputs=inputs,
            outputs=outputs,
            producer=PRODUCER,
        )
        _sign(made)
        return made


def _sign(event: RunEvent) -> None:
    """Say of every facet who made it; the client's own setting for it would speak for others in this process too."""
    told: list[Any] = [event.run.facets, event.job.facets]
    for dataset in [*(event.inputs or ()), *(event.outputs or ())]:
        told += [dataset.facets, getattr(dataset, "inputFacets", None), getattr(dataset, "outputFacets", None)]
    for facet in (facet for facets in told for facet in (facets or {}).values()):
        facet._producer = PRODUCER


def job_name(config: Config, stage: str | None) -> str:
    """A job: `night`, or `night.<stage>`; of a day so far `day_so_far`."""
    night = "night" if config.until is None else "day_so_far"
    return night if stage is None else f"{night}.{stage}"


def nominal(config: Config, followed: Followed) -> tuple[datetime, datetime]:
    """From when to when what the run knows begins and ends: its day in the shop's zone, as far as it is known."""
    zone = ZoneInfo(config.timezone)
    starts = datetime.combine(followed.first or followed.night, time(), zone)
    ends = datetime.combine(followed.night + timedelta(days=1), time(), zone)
    return starts, ends if config.until is None else config.until


def step_of(followed: Followed) -> Step:
    """A stage's run. Its id follows from the stage, the night and when this attempt of it began: a night that is run
    again is another run, and tasks that share a stage speak of the same one."""
    key = f"{namespace()}/{job_name(followed.config, followed.stage)}/{followed.night}"
    run_id = str(generate_static_uuid(followed.began, key.encode()))
    return Step(followed.stage, followed, run_id, _night(followed))


def part_of(step: Step, name: str) -> Step:
    """A run that is a part of a stage's run: its id follows from that."""
    run_id = str(generate_static_uuid(step.followed.began, f"{step.run_id}/{name}".encode()))
    parent = parent_run.ParentRunFacet(
        run=parent_run.Run(step.run_id),
        job=parent_run.Job(namespace(), job_name(step.followed.config, step.name)),
        root=step.parent.root,
    )
    return Step(f"{step.name}.{name}", step.followed, run_id, parent)


def _night(followed: Followed) -> parent_run.ParentRunFacet:
    """What a stage is a part of: the night, one run for all of its stages, whichever process they run in; or the run
    that OPENLINEAGE_PARENT_ID names."""
    space, name, run_id = environment_parent() or (
        namespace(),
        job_name(followed.config, None),
        str(night_id(followed)),
    )
    root = parent_run.Root(run=parent_run.RootRun(run_id), job=parent_run.RootJob(space, name))
    return parent_run.ParentRunFacet(run=parent_run.Run(run_id), job=parent_run.Job(space, name), root=root)


def night_id(followed: Followed) -> UUID:
    """The id of a night's run, which follows from the night."""
    starts, ends = nominal(followed.config, replace(followed, first=None))
    key = f"{namespace()}/{job_name(followed.config, None)}/{ends.isoformat()}"
    return generate_static_uuid(starts.astimezone(UTC), key.encode())


def error_of(error: BaseException) -> dict[str, RunFacet]:
    """What is said of an error: the first line of what the pipeline says of it, as further ones quote rows."""
    said = error.said if isinstance(error, PipelineError) else ""
    line = next(iter(said.splitlines()), "see the log of the stage")
    words = without_secrets(f"{type(error).__name__}: {line}")
    return {"errorMessage": error_message_run.ErrorMessageRunFacet(words, "PYTHON")}


def state_of(error: BaseException) -> RunState:
    """FAIL; ABORT where somebody stopped the process."""
    return RunState.FAIL if isinstance(error, Exception) else RunState.ABORT
