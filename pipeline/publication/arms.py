"""Which arm of an experiment a user is in, and what each arm's users are shown of a surface.

A user's arm follows from the experiment's salt and the published user_id alone (sql/experiment/macros.sql), so that an
application can work it out for itself, also for a user nobody knows yet. No table says it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import duckdb
import numpy as np
import pyarrow as pa

from pipeline.ground import sql
from pipeline.publication.night import Night
from pipeline.published.archive import EXPERIMENT
from pipeline.published.contract import ActiveRun
from pipeline.settings import arms as settings
from pipeline.settings.sections.experiment import Experiment
from pipeline.settings.sections.publication import Surface

ARMS = pa.schema(
    [
        pa.field("code", pa.int8()),
        pa.field("arm", pa.string()),
        pa.field("low", pa.float64()),
        pa.field("high", pa.float64()),
    ]
)
CODES = pa.schema([pa.field("code", pa.int8())])
NONE = -1
"""Code of who is in no arm."""


def table(experiment: Experiment) -> pa.Table:
    """ARMS: each arm's part of the numbers from 0 to 1, by the sums of the shares in their order."""
    highs = list(accumulate(arm.share for arm in experiment.arms))
    rows = [
        {"code": code, "arm": arm.name, "low": low, "high": high}
        for code, (arm, low, high) in enumerate(zip(experiment.arms, [0.0, *highs], highs, strict=False))
    ]
    return pa.Table.from_pylist(rows, schema=ARMS)


def codes(connection: duckdb.DuckDBPyConnection, user_ids: pa.ChunkedArray, experiment: Experiment) -> np.ndarray:
    """The arm of each user: int8 [U], a place in experiment.arms or NONE."""
    sql.execute(connection, "experiment/macros")
    users = pa.table({"position": np.arange(len(user_ids)), "user_id": user_ids})
    given = {"users": users, "arms": table(experiment)}
    found = sql.query(connection, "experiment/arm_of", CODES, given, salt=experiment.key)
    return np.asarray(found.column("code").to_numpy(), dtype=np.int8)


def of_night(night: Night) -> tuple[Experiment | None, np.ndarray]:
    """The experiment whose arms a night's tables have, if any, and the arm of each user: int8 [U]."""
    experiment = night.config.experiment
    if not experiment.runs_on(night.run_date):
        return None, np.full(night.users.num_rows, NONE, dtype=np.int8)
    return experiment, codes(night.connection, night.users.column("user_id"), experiment)


def of_user(run: ActiveRun, user_id: str) -> str | None:
    """The experiment and the arm that a published run has a user in, in words; None: its lists were made alike for all.

    Args:
        run: a kept run.
        user_id: as the tables have it.
    """
    path = run.folder / EXPERIMENT
    if not path.is_file():
        return None
    said = json.loads(path.read_text(encoding="utf-8")) | {"since": run.run_date}  # since when it does not say
    experiment = Experiment.model_validate(said)
    with duckdb.connect() as connection:
        code = int(codes(connection, pa.chunked_array([[user_id]]), experiment)[0])
    return f"experiment {experiment.name}, {'in no arm' if code == NONE else f'arm {experiment.arms[code].name}'}"


@dataclass(frozen=True)
class Variant:
    """What some arms' users are shown of a surface.

    Attributes:
        surface: with their settings.
        final: the list that it is made of; None: the final one.
        arms: their codes; the first variant has the control, and who is in no arm.
    """

    surface: Surface
    final: str | None
    arms: tuple[int, ...]


def variants(experiment: Experiment, surface: Surface) -> list[Variant]:
    """What users are shown of a surface, each once: arms that differ elsewhere share one."""
    found: dict[tuple[Surface, str | None], list[int]] = {(surface, None): [NONE]}
    for code, arm in enumerate(experiment.arms):
        key = (settings.surface_of(surface, arm), settings.final_of(experiment, arm, surface.name))
        found.setdefault(key, []).append(code)
    return [Variant(own, final, tuple(of)) for (own, final), of in found.items()]


def parts(night: Night) -> list[tuple[tuple[Surface, ...], pa.ChunkedArray]]:
    """The surfaces as some arms have them, with the ids of these arms' users; none where no arm's differ."""
    experiment, arm_of = of_night(night)
    if experiment is None:
        return []
    found: dict[tuple[Surface, ...], list[int]] = {night.config.surfaces: [NONE]}
    for code, arm in enumerate(experiment.arms):
        own = tuple(settings.surface_of(surface, arm) for surface in night.config.surfaces)
        found.setdefault(own, []).append(code)
    if len(found) == 1:
        return []
    users = night.users.column("user_id")
    return [(surfaces, users.filter(pa.array(np.isin(arm_of, of)))) for surfaces, of in found.items()]


def which(found: Sequence[Variant], arm_of: np.ndarray) -> np.ndarray:
    """The place in `found` of what each user is shown: int8 [U], of the users' arms [U]."""
    place = np.zeros(max(max(variant.arms) for variant in found) + 2, dtype=np.int8)  # the last one is NONE's
    for number, variant in enumerate(found):
        place[list(variant.arms)] = number
    return np.asarray(place[arm_of])
