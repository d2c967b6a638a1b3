"""Handing a night's tables to the database that readers read: load beside the active run, flip, drop old runs."""

import logging
from collections.abc import Mapping
from pathlib import Path

from pipeline.ground import resources
from pipeline.ground.errors import PublishError, ResourceError
from pipeline.publication import remembered, stores
from pipeline.published import ledger
from pipeline.published.archive import Archive
from pipeline.published.contract import Target
from pipeline.published.run_ids import is_of_day_so_far, known_until, run_date_of
from pipeline.settings.config import Config

log = logging.getLogger(__name__)


def hand_over(run_id: str, out: Path, config: Config, made_of: Mapping[str, str]) -> bool:
    """Load the tables, make them active unless a newer night is, drop runs beyond those kept.

    Args:
        run_id: the run.
        out: its tables, as Parquet.
        config: the target, and how many runs are kept.
        made_of: the content of the stages that it was made from, by name, for the ledger.
    Returns:
        Whether readers see it.
    Raises:
        PublishError: the target did not take it; the active run is unchanged.
    """
    target, archive = stores.target(config), stores.archive(config)
    try:
        with target.lock():
            target.clean()
            archive.clean()
            folder, took = archive.keep(run_id, out), remembered.stages(run_id, config.lake, archive)
            target.load(run_id, folder, remembered.runs(target, archive), took)
            ledger.publish(config.tables, archive, run_id, made_of)
            activated = _activate(target, run_id, config)
            _retain(target, archive, run_id, config.publish.keep_runs)
    except OSError as error:
        if (said := resources.explain(error, config.tables)) and resources.is_scarce(error):  # it may pass
            raise ResourceError(f"publish: {said}. Readers still see a whole run; then run it again") from error
        raise PublishError(f"{config.tables} could not be written ({error}): readers still see a whole run") from error
    return activated


def approve(config: Config, run_id: str, by: str, at: str) -> None:
    """Write into the ledger who let a run be published, see ledger.approve.

    Raises:
        PublishError: the ledger has no line of the run.
    """
    with stores.target(config).lock():
        ledger.approve(config.tables, run_id, by, at)


def _activate(target: Target, run_id: str, config: Config) -> bool:
    """Let readers see the run, unless the active one knows more: a newer night, or more of the day."""
    active = target.active()
    if active is None or known_until(run_id) >= known_until(active) or config.publish.activate_older:
        target.activate(run_id, published=True)
        log.info("run %s is active (before: %s)", run_id, active or "none")
        return True
    log.warning("run %s is loaded and kept; the active run %s knows more (a newer night) and stays", run_id, active)
    log.warning("to read it: rollback --to %s, or publish.activate_older", run_id)
    return False


def _retain(target: Target, archive: Archive, just_loaded: str, keep_runs: int) -> None:
    """Keep the newest runs, the active one, the one a rollback returns to and the one just loaded.

    Runs of a day so far are kept until a whole night follows, and push no night out. Of runs this target does not know,
    those of another one, the Parquet copies stay for as many nights.
    """
    loaded, active = target.loaded(), target.active()
    nights = [run_id for run_id in loaded if not is_of_day_so_far(run_id)]
    since = [run_id for run_id in loaded if not nights or known_until(run_id) > known_until(nights[0])]
    keep = {*nights[:keep_runs], *since[:keep_runs], just_loaded}
    if active is not None:
        keep |= {active, target.previous(active) or active}
    for run_id in loaded:
        if run_id not in keep:
            target.drop(run_id)
            archive.drop(run_id)
            log.info("run %s is dropped: %d newer runs are kept", run_id, keep_runs)
    oldest = min(map(run_date_of, keep))
    for run_id in archive.run_ids():
        if run_id not in keep and run_date_of(run_id) < oldest:
            archive.drop(run_id)
