"""What drawn slots added to what users did, against what the same draws withheld; a command of its own."""

from dataclasses import dataclass
from datetime import date

from pipeline.ground import artifacts, sql, terminal
from pipeline.ground.errors import InputError
from pipeline.intake.spill import spilling
from pipeline.judging import trial, trial_words
from pipeline.judging.trial import By, Log, Outcome, Tried
from pipeline.settings.config import Config


@dataclass(frozen=True)
class Trial:
    """Of all surfaces whose draws are recorded, by surface and arm; by what is said in front."""

    by: Outcome
    tried: tuple[Tried, ...]

    def __str__(self) -> str:
        names = (*trial_words.HEAD[1:], *trial_words.AREAS[1:])
        said = ((one.name, *trial_words.cells(one)[1:], *trial_words.areas(one)[1:]) for one in self.tried)
        rows = [[name, of, cell] for name, *cells in said for of, cell in zip(names, cells, strict=True)]
        lines = [f"What standing in the list added, {self.by}:", *terminal.table(["surface", "", "value"], rows), ""]
        return "\n".join([*lines, *(f"  {one.name}: {one.verdict}" for one in self.tried)])


def run(config: Config, by: By = "actions", within: int = 7) -> Trial:
    """Judge what drawn slots added, on all runs that are kept and whose days are over.

    Args:
        config: whose lake and tables.
        by: what counts; within: so many days.
    Raises:
        InputError: nothing is recorded yet whose days are over.
    """
    outcome, folders = Outcome(by, within), artifacts.partitions_until(config.lake, "ingest", date.max)
    found = _found(outcome, Log(folders, artifacts.run_date_of(folders[-1])), config) if folders else []
    if not found:
        raise InputError(
            f"no published run that is kept says what its slots could have shown {outcome.last + 1} days ago or "
            "earlier: set surfaces.explore.record of a surface that draws slots above 0, and wait until these days are "
            "over (docs/coupons-and-ads.md)"
        )
    return Trial(outcome, tuple(found))


def _found(outcome: Outcome, log: Log, config: Config) -> list[Tried]:
    surfaces = sorted(config.surfaces, key=lambda surface: surface.name)
    with spilling(config.home) as spill:
        connection = sql.connect(config.threads, config.memory_limit_mb, spill, config.timezone)
        try:
            return [one for s in surfaces for one in trial.judge(connection, s, outcome, log, config)]
        finally:
            connection.close()
