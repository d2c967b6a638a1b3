"""Versioned tables, one pointer: build tonight's tables, check them, load them beside the active run, flip, tidy up.

    <out>/*.parquet                        tonight's tables, the lake's record
    <tables>/parquet/run_id=.../*.parquet  the same files for readers of Parquet, kept as long as the run
    <tables>/...                           the target's: see pipeline/published/targets

Everything up to the flip can be repeated: a killed publication leaves the active run as it was, and what lies half
finished is removed by the next one. One lock serialises publications, rollbacks and retention.
"""

import json
import logging
import shutil
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.ground import artifacts, resources, sql
from pipeline.ground.errors import PublishError
from pipeline.publication import (
    added,
    checks,
    editorial,
    handing_over,
    parquet,
    remembered,
    stores,
    tables,
    taught,
    unshaped,
)
from pipeline.publication.allotment import page
from pipeline.publication.allotment import table as allotment
from pipeline.publication.content import told
from pipeline.publication.following import follow, require
from pipeline.publication.night import Night
from pipeline.publication.tables import exposure
from pipeline.publication.tables.recommendations import TABLE as RECOMMENDATIONS
from pipeline.published.archive import EXPERIMENT, JUDGED
from pipeline.published.contract import ActiveRun
from pipeline.published.run_ids import known_until, run_date_of, run_id_of
from pipeline.settings.config import Config
from pipeline.settings.sections.experiment import Experiment
from pipeline.sources import Sources

log = logging.getLogger(__name__)

LISTS = pa.schema([RECOMMENDATIONS.schema.field(name) for name in ("surface", "user_id", "rank", "item_id")])
CHURN_K = 10
# What changes who sees a run, not what is in it: no part of a run's identity.
OPERATIONAL = {
    "target",
    "schema_name",
    "settle_seconds",
    "lock_minutes",
    "keep_runs",
    "activate_older",
    "max_churn",
    "churn_nights",
}


def run(
    *,
    features: Path,
    sources: Sources,
    fusion: Path,
    ensemble: Path,
    outcomes: Path,
    evaluate: Path,
    classify: Path | None = None,
    content: Path | None = None,
    entities: Path | None = None,
    answer: Path | None = None,
    topics: Path | None = None,
    run_date: date,
    config: Config,
    out: Path,
) -> dict[str, Any]:
    """Publish a night.

    Args:
        features, sources, fusion, ensemble, outcomes, evaluate: the stages' finished folders.
        classify, content, entities, answer, topics: the same, of a shop that has them.
        run_date: the night; its tables hold from the next day on.
        config: the configuration.
        out: gets one Parquet file per published table and, each where there is such a thing: judged.<pool>.parquet
            from `evaluate`, final.<pool>.parquet, editorial.parquet, experiment.json, learned.<surface>.parquet,
            allotted.<surface>.parquet and allotted.html.
    Returns:
        run_id, activated, users, surfaces, what checks warn of, rows per table, churn per surface against the active
        run before (absent: none), what limits of surfaces left.
    Raises:
        InputError: a surface's predicate or an editors' rule is not one, or an upstream artifact breaks its contract.
        GateError: a check of the tables fails; nothing was loaded.
        PublishError: the target did not take the tables; the active run is unchanged.
    """
    require(config)
    rules = editorial.read(config, run_date)
    apart = {"classify": classify, "content": content, "entities": entities, "answer": answer, "topics": topics}
    words = {name: folder for name, folder in apart.items() if folder is not None and config.enabled(name)}
    made_of = _made_of(features, *sources.values(), ensemble, *words.values())
    run_id = _run_id(run_date, config, rules, outcomes, made_of)
    folders = (features, sources, ensemble, outcomes, evaluate)
    with sql.connect(
        config.threads, config.memory_limit_mb, spill=out / ".spill", timezone=config.timezone
    ) as connection:
        night = Night(*folders, run_date, run_id, config, connection, out, rules, fusion=fusion, words=words)
        found = _make(night, out)
    shutil.rmtree(out / ".spill", ignore_errors=True)
    return {"run_id": run_id, "activated": handing_over.hand_over(run_id, out, config, made_of), **found}


def _make(night: Night, out: Path) -> dict[str, Any]:
    """Write the night's tables and check them; returns what the report says of them."""
    if night.config.publish.editorial is not None:
        obeyed = editorial.used(night.rules, night.lengths, night.items, night.showable)
        editorial.warn(obeyed)
        pq.write_table(obeyed, out / "editorial.parquet", compression="zstd")
    if (experiment := night.config.experiment).runs_on(night.run_date):
        text = json.dumps(experiment.made_of, indent=1, sort_keys=True) + "\n"
        (out / EXPERIMENT).write_text(text, encoding="utf-8")
    rows = _write(tables.made_first(night.config), night, out)
    night = exposure.told(out, night)
    rows |= _write(tables.made_of_lists(night.config), night, out)
    found = checks.require(out, night)
    rows |= _write(tables.made_last(night.config), checks.told(found, night), out)
    allotted = allotment.report(out, sorted(night.config.allotted))
    page.write(out, sorted(allotted), night.run_id)
    taught.write(out, night)
    unshaped.write(out, night)
    told.hand_on(night.words, out)
    for path in sorted(night.evaluate.glob(JUDGED)):
        artifacts.link(path, out / path.name)
    churn = checks.churn(out, before(night.config, night.run_date), night, CHURN_K)
    return {
        "users": len(night.cutoff.targets()),
        "surfaces": len(night.config.surfaces),
        "unusual": {check: first for check, (_, first) in found.items()},
        "editorial": night.rules.digest,
        **{f"rows_{table}": count for table, count in rows.items()},
        **{f"churn_{surface}": share for surface, share in churn.items()},
        **{f"allotted_{surface}": said for surface, said in allotted.items()},
        **{f"added_{surface}": said for surface, said in added.report(night).items()},
    }


def _write(modules: Iterable[tables.Module], night: Night, out: Path) -> dict[str, int]:
    """Write tables of the night; returns their rows."""
    rows = {}
    for module in modules:
        table = module.TABLE
        rows[table.name] = parquet.write(out / table.file, module.make(night), table.schema)
    return rows


def _made_of(*upstream: Path) -> dict[str, str]:
    """The content of the stages that the tables are made from, by name."""
    return {artifacts.stage_of(folder): artifacts.content_hash(folder) for folder in upstream}


def _run_id(
    run_date: date, config: Config, rules: editorial.EditorialRules, outcomes: Path, made_of: dict[str, str]
) -> str:
    """The night and a hash of what the tables are made from, settings included: made alike, they have the same id."""
    defaults = {name: config.publish.__class__.model_fields[name].default for name in OPERATIONAL}
    plain = config.model_copy(
        update={"publish": config.publish.model_copy(update=defaults), "experiment": Experiment()}
    )
    arms = json.dumps(config.experiment.made_of, sort_keys=True) if config.experiment.runs_on(run_date) else ""
    hashes = [
        *made_of.values(),
        *filter(None, [rules.digest, arms, _learned(outcomes, config), config.until]),
    ]
    key = artifacts.text_sha256(hashes, plain.digest("publish", "evaluate", "features"), artifacts.code_version())
    return run_id_of(run_date, config.until, key)


def _learned(outcomes: Path, config: Config) -> str:
    """Of what surfaces learn from earlier nights' draws; "": none does."""
    return taught.digest(outcomes, config) + added.digest(outcomes, config)


# --- for others -------------------------------------------------------------------------------------------------------


def _run(config: Config, run_id: str) -> ActiveRun:
    return ActiveRun(run_id, run_date_of(run_id), stores.archive(config).path(run_id))


def active_run(config: Config) -> ActiveRun | None:
    """The run that applications read; None before the first publication."""
    run_id = stores.target(config).active()
    return None if run_id is None else _run(config, run_id)


def published_runs(config: Config) -> list[ActiveRun]:
    """Every run that is kept: the newest night first, of one night the latest load first."""
    return [_run(config, run_id) for run_id in stores.target(config).loaded()]


def still_holds(config: Config, manifest: dict[str, Any]) -> bool:
    """Whether the run a publication reported is still loaded, and what editors decide for its night still the same."""
    report = manifest["report"]
    run_id, target = report["run_id"], stores.target(config)
    same_rules = editorial.read(config, run_date_of(run_id)).digest == report.get("editorial", "")
    whole = same_rules and stores.archive(config).holds(run_id) and run_id in target.loaded()
    active = target.active() if whole else None
    if active not in (None, run_id) and known_until(str(active)) <= known_until(run_id):
        said = "run %s is published and stays inactive, as somebody went back to %s (rollback --to %s undoes that)"
        log.warning(said, run_id, active, run_id)
    return whole


def before(config: Config, run_date: date) -> ActiveRun | None:
    """The run of an earlier night that was active last: what tonight's tables replace, however often tonight runs.

    Of a day so far it is the last one that knew less: of an earlier moment, or of the night before.
    """
    target = stores.target(config)
    mine = (run_date, "" if config.until is None else f"{config.until:%H%M}")
    run_id, visited = target.active(), set[str]()
    while run_id is not None and known_until(run_id) >= mine and run_id not in visited:
        visited.add(run_id)
        run_id = target.previous(run_id)
    if run_id in visited:  # two runs of one night, each of which was published again after the other
        ever = target.ever_active()
        run_id = next((run for run in target.loaded() if run in ever and known_until(run) < mine), None)
    return None if run_id is None else _run(config, run_id)


def published_lists(config: Config, run_id: str) -> pa.Table:
    """The lists of a run: surface, user_id, rank, item_id, in this order; without what editors pinned.

    They are what a model is compared with, and tonight's models are judged without editors too.

    Raises:
        PublishError: the run is not kept, or its file is damaged.
    """
    path = stores.archive(config).path(run_id) / "recommendations.parquet"
    if not path.is_file():
        kept = ", ".join(r.run_id for r in published_runs(config)) or "none"
        raise PublishError(f"{path} does not exist; the runs that are kept: {kept}")
    try:
        return pq.read_table(path, columns=LISTS.names, filters=pc.field("source") != editorial.PIN).cast(LISTS)
    except pa.ArrowInvalid as error:
        raise PublishError(f"{path} is damaged ({error}): publish its night again") from None


def runs(config: Config) -> pa.Table:
    """RUNS: all runs that are remembered, newest night first; see published_runs for those still kept."""
    return remembered.runs(stores.target(config), stores.archive(config))


def rollback(config: Config, to: str | None = None) -> ActiveRun:
    """Make an earlier run active again; nothing is removed, so `to` the newer run undoes it.

    Args:
        config: the configuration.
        to: a kept run's id; default: the run that was active before the active one.
    Returns:
        The run that is active now.
    Raises:
        PublishError: there is no such run, or nothing to go back to; or a copy is behind, of a target that went back.
        ResourceError: the tables cannot be written.
    """
    target = stores.target(config)
    with resources.required("rollback", config.tables), target.lock():
        active = target.active()
        if active is None and to is None:
            raise PublishError(f"{config.tables} has no active run: publish a night first")
        kept = target.loaded()
        chosen = to or target.previous(str(active))
        if chosen not in kept:
            wanted = f"run {to} is not kept" if to else f"no run was active before {active}"
            raise PublishError(f"{wanted}; the runs that are kept: {', '.join(kept) or 'none'} (choose one with --to)")
        target.activate(chosen, published=False)
        log.info("rolled back from run %s to run %s", active, chosen)
    follow(config)
    return _run(config, chosen)
