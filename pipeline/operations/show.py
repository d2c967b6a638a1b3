"""What is published, for a person at a terminal: a user's lists and why, a query's answers, the state of the tables."""

import json
import unicodedata
from collections.abc import Iterable
from datetime import date
from typing import Any

import pyarrow.compute as pc

from pipeline.features import attributes
from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.ground.terminal import clean, fit_line, table
from pipeline.intake import ids, quality, waiting
from pipeline.operations import being_read, bringing, stages
from pipeline.privacy import pseudonyms
from pipeline.publication import arms, publish, query_terms, stores
from pipeline.publication.allotment import page
from pipeline.publication.night import FALLBACK
from pipeline.publication.tables import (
    popular_items,
    recommendations,
    search_results,
    search_terms,
    user_profiles,
)
from pipeline.published.contract import ActiveRun
from pipeline.settings.config import Config

SHOWN = 10
"""Items of a list that are shown."""
RUNS_SHOWN = 8


def user(config: Config, user_id: str, surface: str | None = None) -> str:
    """What a user is recommended and why; a user nobody knows gets the popular items.

    Args:
        config: the configuration.
        user_id: the outside id, any text.
        surface: only this list.
    Raises:
        InputError: nothing is published, or there is no such surface.
    """
    bringing.nights(config)
    active = being_read.run(config)
    names = [s.name for s in config.surfaces]
    if surface is not None and surface not in names:
        raise InputError(f"there is no surface '{surface}'; the surfaces are {', '.join(names)}")
    read = stores.target(config).read
    for form in dict.fromkeys([ids.canonical(user_id), *ids.forms(user_id)]):  # as ingest spells it now, or did
        stored = pseudonyms.stored(config, form)
        profile = read(active.run_id, "show_profile", user_profiles.TABLE.schema, user_id=stored).to_pylist()
        lists = read(active.run_id, "show_lists", recommendations.TABLE.schema, user_id=stored, k=SHOWN)
        if profile or lists.num_rows:
            break
    else:
        return "\n".join(
            [
                f"user {clean(user_id)} is unknown to {being_read.described(active)}",
                *_unknown(config, active, user_id, surface),
            ]
        )
    titles = being_read.titles(config, active, lists.column("item_id"))
    lines = [_who(user_id, profile[0] if profile else None), f"from {being_read.described(active)}"]
    lines += filter(None, [arms.of_user(active, stored)])
    lines += [_asked(one) for one in profile if one["asked_at"]]
    for name in [surface] if surface else names:
        rows = lists.filter(pc.equal(lists.column("surface"), name)).to_pylist()
        lines += ["", name, *(_list(rows, titles) if rows else ["  nothing: no item may be shown to this user here"])]
    return "\n".join(lines)


def _who(user_id: str, profile: dict[str, Any] | None) -> str:
    said = [f"user {clean(user_id)}"]
    if profile:
        said += [f"{profile['segment']} user", f"{profile['events']:,} events"]
        if profile["last_event_time"]:
            said.append(f"last seen {profile['last_event_time']:%Y-%m-%d}")
        if profile["top_categories"]:
            said.append("likes " + ", ".join(map(clean, profile["top_categories"])))
    return fit_line(" · ".join(said))


def _asked(profile: dict[str, Any]) -> str:
    """What the user asked last: the question by its id, as its text is in no table."""
    said = [f"asked last on {profile['asked_at']:%Y-%m-%d}", f"question {clean(profile['asked_document_id'])}"]
    said += [f"about {clean(profile['asked_label'])}"] if profile["asked_label"] else []
    said += [f"cluster {profile['asked_cluster_id']}"] if profile["asked_cluster_id"] else []
    return fit_line(" · ".join(said))


def _list(rows: Iterable[dict[str, Any]], titles: dict[str, str]) -> list[str]:
    cells = [
        [str(r["rank"]), r["item_id"], titles.get(r["item_id"], ""), f"{r['score']:.3f}", r["reason"]] for r in rows
    ]
    cells = [[rank, clean(item)[:20], *rest] for rank, item, *rest in cells]
    return table(["#", "item", "title", "score", "why"], cells, right=["#", "score"], squeeze="title")


def _unknown(config: Config, active: ActiveRun, user_id: str, surface: str | None) -> list[str]:
    """What is popular: on the surface where it shows less, among those who share a word, or everywhere."""
    read = stores.target(config).read
    forms = dict.fromkeys([ids.canonical(user_id), *ids.forms(user_id)])
    known = attributes.latest(config, [pseudonyms.stored(config, form) for form in forms], active.run_date)
    said = [f"{name} {clean(value)}" for name, value in known.items()]
    of_user = [f"{name}:{known[name]}" for name in config.publish.segment_by if name in known]
    for segment in (f"surface:{surface}", *of_user, "all"):
        popular = read(active.run_id, "show_popular", popular_items.TABLE.schema, segment=segment, k=SHOWN)
        if popular.num_rows:
            break
    titles = being_read.titles(config, active, popular.column("item_id"))
    cells = [
        [str(r["rank"]), clean(r["item_id"])[:20], titles.get(r["item_id"], ""), f"{r['score']:,.0f}"]
        for r in popular.to_pylist()
    ]
    lines = table(["#", "item", "title", "buyers in 28 days"], cells, right=["#", "buyers in 28 days"], squeeze="title")
    told = [fit_line("the shop says: " + ", ".join(said))] if said else []
    return [*told, "an unknown user gets what is popular:", "", f"popular_items, segment {clean(segment)}", *lines]


def search(config: Config, query: str) -> str:
    """What people who search for something are shown.

    Args:
        config: the configuration.
        query: any text; read as the features stage reads the log's.
    Raises:
        InputError: nothing is published.
    """
    bringing.nights(config)
    active = being_read.run(config)
    asked = " ".join(unicodedata.normalize("NFC", query).lower().split())
    read = stores.target(config).read
    found, name = (
        read(active.run_id, "show_search", search_results.TABLE.schema, search=asked, k=SHOWN),
        "search_results",
    )
    if not found.num_rows and (active.folder / search_terms.TABLE.file).is_file():
        given: dict[str, Any] = {"search": asked, "terms": query_terms.terms(asked), "k": SHOWN}
        found, name = read(active.run_id, "show_search_terms", search_results.TABLE.schema, **given), "search_terms"
    if not found.num_rows:
        few = "too few people" if config.privacy.queries else f"fewer than {config.features.query_min_users} people"
        return (
            f'nobody, or {few}, searched for "{clean(asked)}" in the last '
            f"{config.features.query_days} days: run {active.run_id} has no answer"
        )
    titles = being_read.titles(config, active, found.column("item_id"))
    cells = [
        [str(r["rank"]), clean(r["item_id"])[:20], titles.get(r["item_id"], ""), f"{r['score']:.3f}"]
        for r in found.to_pylist()
    ]
    value = "share" if name == "search_results" else "score"
    lines = table(["#", "item", "title", value], cells, right=["#", value], squeeze="title")
    return "\n".join([f'{name} for "{clean(asked)}", run {active.run_id}', *lines])


def status(config: Config) -> str:
    """The active run, its quality, what is in its tables, the latest runs, and how far the newest night has come.

    Raises:
        InputError: nothing is published.
    """
    bringing.nights(config)
    active = being_read.run(config)
    runs = {row["run_id"]: row for row in publish.runs(config).to_pylist()}
    metrics = json.loads(runs[active.run_id]["metrics"])
    newest = _newest_night(config)
    lines = [f"active   {being_read.described(active)}", *(f"         {said}" for said in _age(config, active, newest))]
    lines += [_quality(config, surface.name, config.pool(surface), metrics) for surface in config.surfaces]
    lines += _limits(config, active)
    lines += ["", *_rows(config, active), "", *_runs(config, active, list(runs.values()))]
    if newest is not None:
        lines += ["", *_stages(config, newest)]
    return "\n".join(fit_line(line) for line in lines)


def _newest_night(config: Config) -> date | None:
    """The newest night whose logs are in the lake."""
    nights = artifacts.partitions_until(config.lake, "ingest", date.max)
    return artifacts.run_date_of(nights[-1]) if nights else None


def _age(config: Config, active: ActiveRun, newest: date | None) -> list[str]:
    """How far the active run is behind the logs: behind the newest night that has events, or that is in the lake."""
    if newest is None:
        return ["the lake holds no night's logs"]
    eventful = quality.newest_with_events(config) or newest
    named = "the newest night in the lake" + (" that has events" if eventful != newest else "")
    behind = (eventful - active.run_date).days
    if behind <= 0:
        lines = [f"up to date: {named} is {eventful}"]
    else:
        lines = [f"{behind} {'night' if behind == 1 else 'nights'} behind {named}, {eventful}"]
    folder = artifacts.stage_dir(being_read.lake(config, active), "ingest", active.run_date)
    if artifacts.is_finished(folder) and not quality.has_events(folder):
        lines.append(f"the active run's own night, {active.run_date}, has no events")
    newest_report = artifacts.read_manifest(artifacts.stage_dir(config.lake, "ingest", newest)).get("report", {})
    if later := waiting.told(newest_report):
        lines.append(later)
    return lines


def _quality(config: Config, surface: str, pool: str, metrics: dict[str, Any]) -> str:
    """One line per surface: the judged NDCG of the lists it shows, and the best single model's distance."""
    key = f"{pool}.final.ndcg"
    if key not in metrics:
        return f"quality  {surface}: not judged"
    if pool in str(metrics.get(FALLBACK, "")).split(","):
        learned = f"NDCG@{config.evaluate.k} {metrics[key]:.4f}"
        return (
            f"quality  {surface}: best-sellers, as what was learned ({learned}) lost to them or was alike for everybody"
        )
    said = f"quality  {surface}: NDCG@{config.evaluate.k} {metrics[key]:.4f}"
    if f"{key}.low" in metrics:
        said += f" [{metrics[f'{key}.low']:.4f}, {metrics[f'{key}.high']:.4f}]"
    best = f"{pool}.best_single"
    if f"{best}.difference" in metrics:
        said += f", {metrics[f'{best}.difference']:+.4f} to the best single model ({metrics[best]})"
    return said


def _limits(config: Config, active: ActiveRun) -> list[str]:
    """What the limits of surfaces left, where the active run is what its night published last."""
    folder = artifacts.stage_dir(being_read.lake(config, active), "publish", active.run_date)
    said = artifacts.read_manifest(folder)["report"] if artifacts.is_finished(folder) else {}
    mine = said if said.get("run_id") == active.run_id else {}
    return [
        line for name in sorted(config.allotted) if (f := mine.get(f"allotted_{name}")) for line in page.lines(name, f)
    ]


def _rows(config: Config, active: ActiveRun) -> list[str]:
    found = stores.target(config).counts(active.run_id)
    cells = [[count.table, f"{count.rows:,}", f"{count.things:,} {count.word}"] for count in found]
    return table(["table", "rows", "about"], cells, right=["rows"])


def _runs(config: Config, active: ActiveRun, runs: list[dict[str, Any]]) -> list[str]:
    kept = {run.run_id for run in publish.published_runs(config)}
    cells = []
    for row in runs[:RUNS_SHOWN]:
        metrics = json.loads(row["metrics"])
        judged = [
            f"{metrics[key]:.4f}" if (key := f"{config.pool(s)}.final.ndcg") in metrics else "" for s in config.surfaces
        ]
        state = "active" if row["run_id"] == active.run_id else "kept" if row["run_id"] in kept else "dropped"
        cells.append([row["run_id"], str(row["run_date"]), state, *judged, str(metrics.get("gate", ""))])
    names = [surface.name for surface in config.surfaces]
    return table(["run", "night", "state", *names, "gate"], cells, right=names, squeeze="gate")


def _stages(config: Config, night: date) -> list[str]:
    done = {stage: artifacts.is_finished(artifacts.stage_dir(config.lake, stage, night)) for stage in stages.of(config)}
    finished = [stage for stage, is_done in done.items() if is_done]
    missing = [stage for stage, is_done in done.items() if not is_done]
    lines = [f"stages of {night}: {len(finished)} of {len(done)} finished"]
    return lines if not missing else [*lines, f"  to do: {', '.join(missing)}"]
