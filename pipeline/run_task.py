"""What a task of the DAG does: the orchestrator's context in, one stage run, its folder out."""

import logging
import os
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pipeline import artifacts, config, nights, stages
from pipeline.errors import InputError


def settings(params: Mapping[str, Any]) -> config.Config:
    """The configuration of a triggered run: pipeline.toml, the overrides, the chosen surfaces.

    Raises:
        InputError: an override is unknown, or a surface is not configured.
    """
    loaded = config.load(overrides=params.get("overrides") or {})
    if params.get("force"):
        loaded = loaded.model_copy(update={"evaluate": loaded.evaluate.model_copy(update={"block": False})})
    if names := params.get("surfaces"):
        known = {surface.name: surface for surface in loaded.surfaces}
        if unknown := sorted(set(names) - set(known)):
            raise InputError(f"surfaces {', '.join(unknown)} are not configured; there are {', '.join(known)}")
        loaded = loaded.model_copy(update={"surfaces": tuple(known[name] for name in dict.fromkeys(names))})
    return loaded


def _speak() -> None:
    """With NIGHTJAR_PROGRESS set, write the pipeline's own lines to the terminal, whatever Airflow says there."""
    logger = logging.getLogger("pipeline")
    if not os.environ.get("NIGHTJAR_PROGRESS") or logger.handlers:
        return
    handler = logging.StreamHandler(sys.__stderr__)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def run_task(stage: str, params: Mapping[str, Any], logical_date: datetime | None, dag_run: Any) -> str:
    """Run one stage of the night a DAG run is for.

    Args:
        stage: the stage's name.
        params: `run_date`, `surfaces`, `force`, `overrides` of the run.
        logical_date: of the DAG run; None in a date-less manual run.
        dag_run: for its `run_type` and `run_after`; None outside a DAG run.
    Returns:
        The stage's folder.
    Raises:
        PipelineError: as the stage says.
    """
    _speak()
    run_type = getattr(dag_run, "run_type", "manual")
    night = nights.resolve_run_date(
        params.get("run_date"), logical_date, getattr(dag_run, "run_after", None), getattr(run_type, "value", run_type)
    )
    loaded = settings(params)
    stages.run_stage(stage, night, loaded, force=bool(params.get("force")))
    return str(artifacts.stage_dir(loaded.lake, stage, night))
