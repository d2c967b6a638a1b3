"""Tonight's lists against what users did next, and the gate.

Every list of the run is judged at the newest cut-off whose label window has passed, two weeks before the anchor: the
fusion applied there has learned from older windows only, so nothing that judges has been seen by what is judged.

    out/metrics.parquet        one row per pool, list, bucket, metric
    out/comparisons.parquet    the final list against each other list and the champion, with paired intervals
    out/calibration.parquet    how far the probabilities can be trusted, out/reliability.parquet their bins
    out/ablation.parquet       what each source is worth, as the fusion measured it
    out/user_groups.parquet    NDCG by group of users, see pipeline.judging.user_groups
    out/per_user.parquet       one row per pool and judged user: the final list's metrics
    out/samples.parquet        one row per sample list of the report: whose it is
    out/judged.<pool>.parquet  the final lists that were judged, for the nights of the same week to be compared with
    out/report.html            all of it, to read
    out/card.md                the model card and the data sheet, see pipeline.judging.card

Metrics are defined in pipeline.arrays.metrics, the table checks in pipeline.judging.gate; who the opponent is,
pipeline.judging.champion says.
"""

import logging
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.features.items import shown_items
from pipeline.features.read import Cutoff, read_cutoffs, read_items, read_users
from pipeline.ground import artifacts, lists
from pipeline.ground.errors import GateError, InputError
from pipeline.ground.lists import Pool
from pipeline.judging import (
    card,
    champion,
    fallback,
    gate,
    held_back,
    measuring,
    private,
    probabilities,
    rarity,
    records,
    samples,
    scoreboard,
    user_groups,
)
from pipeline.judging.by_slots import Lists
from pipeline.judging.gate import CHAMPION, FINAL
from pipeline.judging.past import Past
from pipeline.judging.report import html
from pipeline.judging.report import page as report
from pipeline.judging.scoreboard import Pitch, Scoreboard
from pipeline.ranking import finals
from pipeline.ranking.candidate_lists import item_text_vectors
from pipeline.ranking.finals import Recipe
from pipeline.settings.config import Config
from pipeline.sources import Sources, registry

log = logging.getLogger(__name__)

REPORT = "report.html"
"""The page to read, in the stage's folder."""
MOSTLY = 0.5
"""The share of a single list from which on the final one may be as alike for many users as that is."""


def run(
    *,
    features: Path,
    sources: Sources,
    fusion: Path,
    ensemble: Path,
    outcomes: Path,
    content: Path | None = None,
    run_date: date,
    config: Config,
    out: Path,
) -> dict[str, Any]:
    """Judge every list of the run, compare the final one, write the report, and let the table pass or not.

    Args:
        features: the cut-offs; sources, fusion, ensemble: whose lists are judged; outcomes: how published runs did.
        run_date, config, out: tonight; `evaluate`; receives tables and report. content: what is held back.
    Returns:
        Scalars for the manifest: those of records, probabilities and past.
    Raises:
        GateError: a comparison is lost, or a list is broken; the report is kept below <home>/blocked.
        InputError: a stage has no list for the judged cut-off, or the baseline is no list.
    """
    tonight, judged = _cutoffs(features, run_date, config)
    setting = champion.Setting(run_date, judged.cutoff, *_ids(features, judged), config)
    opponent, unkept = _opponent(setting, judged, ensemble, out)
    given, origin = _given([*sources.values(), fusion, ensemble], judged, opponent, config)
    boards = _boards(given, features, _vectors(sources), judged, config)
    past = Past.read(outcomes, Lists.of(given, setting.user_ids, setting.item_ids, opponent), tonight, config)
    broken, recipes = _broken(features, ensemble, tonight, config)
    lost, fallen = fallback.verdict(_scores(boards)["comparisons"], broken, recipes, config, unkept=unkept)
    page = report.Page(
        run_date=run_date,
        cutoff=judged.cutoff,
        opponent=opponent,
        **_scores(boards),
        reasons=_explained([*lost, *past.stopping(), *champion.gone(tonight, opponent, config)], fusion, config),
        stages=origin,
        config=config,
        recipes=recipes,
        samples=samples.take((features, sources, ensemble, outcomes), run_date, config, out, fallen, content=content),
        untouched=tonight.untouched,
        fallen=fallen,
    )
    records.write(out, page, [_per_user(board, features, judged) for board in boards])
    trusted, groups = probabilities.judge(ensemble, judged, config), user_groups.of_night(boards, judged, config)
    said = _report(page, (trusted, groups), (features, *sources.values(), fusion, ensemble), (past, content), out)
    _blocked(page.reasons, out, run_date, config)
    return records.scalars(page, setting.judged_on) | said | past.scalars()


def _report(
    page: report.Page,
    judged: tuple[probabilities.Found, user_groups.Found],
    made_of: tuple[Path, ...],
    beside: tuple[Past, Path | None],
    out: Path,
) -> dict[str, float]:
    """Write the tables beside the metrics, the model card and the page; the fusion knows what sources are worth.

    Returns:
        Of what was judged, scalars for the manifest.
    """
    trusted, groups = judged
    worth = probabilities.read_worth(next(folder for folder in made_of if artifacts.stage_of(folder) == "fusion"))
    card.write(page, made_of, out)
    probabilities.write(trusted, worth, out)
    user_groups.write(groups, out)
    shown = {pool: page.surfaces(pool) for pool in page.config.pools}
    sections = [*user_groups.section(groups, shown, page.config), *probabilities.section(trusted, shown)]
    sections += [*probabilities.worth_section(worth, shown), *beside[0].sections()]
    sections += [*held_back.section(beside[1], page.config), *private.section(made_of)]
    (out / REPORT).write_text(html.render(page, sections), encoding="utf-8")
    _say(page)
    return probabilities.scalars(trusted) | user_groups.scalars(groups, page.config)


def _say(page: report.Page) -> None:
    for pool, words in page.fallen.items():
        log.warning("pool '%s' is published with the lists of '%s': %s", pool, page.config.evaluate.baseline, words)
    log.info("evaluation of %s\n%s", page.run_date, report.summary(page))
    if page.worth:
        log.warning("%s", page.worth)
    if not page.untouched and not page.comparisons:
        log.warning(
            "nobody could be judged: no user with a history before %s acted after it. Is the history loaded "
            "(python -m pipeline load-history --before %s)?",
            page.cutoff,
            page.run_date,
        )


def still_holds(config: Config, manifest: dict[str, Any]) -> bool:
    """Whether a finished evaluation was against the opponent that tonight has now; see pipeline.operations.stages."""
    return champion.still_holds(config, manifest)


def _cutoffs(features: Path, run_date: date, config: Config) -> tuple[Cutoff, Cutoff]:
    """Tonight's cut-off and the one that judges."""
    found = {cutoff.cutoff: cutoff for cutoff in read_cutoffs(features)}
    judged = config.folds(run_date)["judge"]
    for wanted in (run_date, judged):
        if wanted not in found:
            raise InputError(f"{features} has no cut-off {wanted}: run stage 'features' again with --force")
    return found[run_date], found[judged]


def _ids(features: Path, cutoff: Cutoff) -> tuple[pa.Array, pa.Array]:
    """The outside ids of the cut-off's targets [T] and of all items known tonight [I]."""
    users = read_users(features).column("user_id").combine_chunks()
    items = read_items(features, ["item_id"]).column("item_id").combine_chunks()
    return users.take(pa.array(cutoff.targets())), items


def _final(ensemble: Path, cutoff: Cutoff, pool: Pool, config: Config) -> np.ndarray:
    """The final lists as deep as they are judged."""
    items = lists.read_list(cutoff.dir_in(ensemble), pool, FINAL)[0]
    return items[:, : config.evaluate.deepest]


def _opponent(
    setting: champion.Setting, judged: Cutoff, ensemble: Path, out: Path
) -> tuple[champion.Champion | None, Collection[Pool]]:
    """Whom tonight is compared with, and of which pools the table in use has nothing to keep; keeps what is judged."""
    mine = {pool: _final(ensemble, judged, pool, setting.config) for pool in setting.config.pools}
    champion.keep(setting, mine, out)
    found = champion.find(setting, mine)
    return found, champion.fell_back(setting.config, setting.run_date) if found else setting.config.pools


def _given(
    stages: list[Path], cutoff: Cutoff, opponent: champion.Champion | None, config: Config
) -> tuple[dict[Pool, dict[str, np.ndarray]], dict[str, str]]:
    """The lists to judge, by pool and name, memory-mapped, in data-flow order, and which stage made each.

    A second list of the same name carries its stage's name before its own; the champion's comes last.
    """
    given, origin = dict[Pool, dict[str, np.ndarray]](), dict[str, str]()
    for pool in config.pools:
        found: dict[str, np.ndarray] = {}
        for stage in stages:
            folder = cutoff.dir_in(stage)
            for name in sorted(lists.list_names(folder, pool), key=lambda name: name == FINAL):  # the final one last
                key = f"{stage.parent.name}.{name}" if name in found else name
                origin[key] = stage.parent.name
                found[key] = lists.read_list(folder, pool, name)[0]
        if opponent and pool in opponent.lists:
            found[CHAMPION] = opponent.lists[pool]
        given[pool] = found
    return given, origin


def _boards(
    given: dict[Pool, dict[str, np.ndarray]], features: Path, vectors: np.ndarray | None, judged: Cutoff, config: Config
) -> list[Scoreboard]:
    """Every pool's lists side by side, in the order of the pools."""
    if not any(config.evaluate.baseline in found for found in given.values()):
        names = dict.fromkeys(name for found in given.values() for name in found)
        raise InputError(f"evaluate.baseline = '{config.evaluate.baseline}' is no list; there are {', '.join(names)}")
    items = read_items(features, ["item_index"]).num_rows
    buckets, rare = measuring.read_buckets(judged, items, config.evaluate), rarity.read(judged, items, config)
    truths = {pool: replace(measuring.read_truth(judged, pool), rarity=rare) for pool in given}
    return [
        scoreboard.judge(found, Pitch(judged, truths[pool], buckets, vectors, config)) for pool, found in given.items()
    ]


def _scores(boards: Sequence[Scoreboard]) -> dict[str, Any]:
    """The metrics of all lists, and the final ones against all others, of every pool."""
    return {
        "measured": tuple(row for board in boards for row in board.measured),
        "comparisons": tuple(compared for board in boards for compared in board.comparisons),
    }


def _broken(
    features: Path, ensemble: Path, tonight: Cutoff, config: Config
) -> tuple[dict[Pool, list[str]], Mapping[Pool, Recipe]]:
    """What is wrong with the lists that are about to be published, by pool, and how they were made."""
    recipes = finals.recipes(ensemble)
    given, problems = shown_items(read_items(features), config, config.valid_on(tonight.cutoff)), {}
    for pool in config.pools:
        items, scores = lists.read_list(tonight.dir_in(ensemble), pool, FINAL)
        shown = np.zeros(tonight.items, dtype=bool)  # what one surface of the pool may show
        for surface in config.surfaces:
            shown |= (config.pool(surface) == pool) & given[surface.name]
        single = registry.candidate_lists().get(recipes[pool].single or "")
        alike = single is not None and single.alike and recipes[pool].share >= MOSTLY
        problems[pool] = gate.broken_lists(items, scores, tonight, pool, config, shown=shown, alike=alike)
    return problems, recipes


def _explained(reasons: Sequence[str], fusion: Path, config: Config) -> tuple[str, ...]:
    """Reasons not to publish, and what is behind them where nothing was learned; that alone is no reason."""
    behind = (gate.untaught(fusion, pool, config.fusion.rankers) for pool in config.pools) if reasons else ()
    return (*reasons, *filter(None, behind))


def _vectors(sources: Sources) -> np.ndarray | None:
    """[I, h] vectors of the items' texts, memory-mapped; None where there are none."""
    path = item_text_vectors(sources)
    return None if path is None else np.load(path, mmap_mode="r", allow_pickle=False)


def _per_user(board: Scoreboard, features: Path, cutoff: Cutoff) -> pa.Table:
    user_ids = _ids(features, cutoff)[0].take(pa.array(board.rows))
    return pa.table({"pool": pa.repeat(pa.scalar(board.pool), len(user_ids)), "user_id": user_ids, **board.final})


def _blocked(reasons: Sequence[str], out: Path, run_date: date, config: Config) -> None:
    """Where there are reasons, keep the report where it survives the failed stage, and stop unless told to go on."""
    kept = config.home / "blocked" / f"run_date={run_date.isoformat()}"
    if not reasons:
        if config.until is not None:  # what was said of a moment before of the same day holds no more
            shutil.rmtree(kept, ignore_errors=True)
        return
    problem = "; ".join(reasons)
    if not config.evaluate.block:
        log.warning("published although the gate says no, as evaluate.block is false: %s", problem)
        return
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for name in ("metrics.parquet", "comparisons.parquet", "per_user.parquet", samples.FILE, REPORT, card.FILE):
        shutil.copyfile(out / name, kept / name)
    raise GateError(
        f"the table of {run_date} is not published, the one in use stays: {problem}. "
        f"The report is {kept / REPORT}. To publish all the same: --no-gate, or force in Airflow."
    )
