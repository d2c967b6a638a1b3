"""Removing people from everything under <home>: events, refused rows, models, lists, published runs. Leaves a receipt.

    list      their ids, hashed, go on the list of pipeline.privacy.suppression: no later ingest takes their rows again
    events    every night's partition that knows them is written again without them, see pipeline.operations.taken_out
    asked     what databases were asked for about people is removed (pipeline.intake.databases.answers)
    nights    of nights whose users they are among, features, models and lists are dropped: indices, matrices and
              weights are made of everybody, so that nothing less is complete. The next run of a night makes them again.
              What the gate compares with (evaluate's judged lists) is kept, without them. So are those of a search
              for better settings (<home>/search); what was made of a day so far, and what a comparison that died
              has left, is dropped whole
    tables    every published run, as Parquet, as an export below <home> and in databases, loses their rows, and only
              theirs; the databases are the target, DuckDB, and PostgreSQL where the environment has a connection to it.
              Copies are made again of what is left, and so is the home's own site

Nobody has to stop for it. Each step waits for the stages that hold its locks; what a running stage read before the
events were written again is dropped with its night, or its rows with the published runs, which come last. Killed at any
instant it leaves whole files, and started again for the same people it completes: a journal beside the receipts
remembers what the first attempt removed.
"""

import contextlib
import fcntl
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.ground import artifacts, keeping, resources, rewriting, sql
from pipeline.ground.errors import InputError
from pipeline.intake import inputs
from pipeline.intake.databases import answers
from pipeline.judging import evaluate, samples
from pipeline.judging.report import samples as page_samples
from pipeline.operations import bringing, compare, day_so_far, mentions, site, stages, taken_out
from pipeline.operations.people import People, files_of
from pipeline.operations.tuning import trials
from pipeline.privacy import redaction, suppression
from pipeline.privacy.receipts import Journal
from pipeline.publication import following, stores
from pipeline.published import ledger, signing
from pipeline.published.archive import RUN
from pipeline.published.targets import dsn
from pipeline.settings.config import Config
from pipeline.store import garbage, homes

DERIVED = [stage for stage in stages.STAGES if stage not in {"ingest", "evaluate"}]


def forget(config: Config, user_ids: Iterable[str], asked: date, also_in_text: bool = False) -> list[Path]:
    """Remove people for good.

    Args:
        config: whose home they are removed from.
        user_ids: their ids as the logs have them, also where ingest.pseudonyms is on.
        asked: the day they asked; for the receipt, which is the only thing here that has a date.
        also_in_text: whether their ids are also taken out of other people's rows, see pipeline.operations.mentions;
            else the receipts say in how many they stand.
    Returns:
        A receipt for each, in the order given; it has zeros for somebody nobody knew.
    Raises:
        InputError: an id is empty.
        PublishError: a database or a copy cannot be reached; do it again when it can.
        ResourceError: the home cannot be written, or its disk is full.
    """
    wanted = list(dict.fromkeys(user_ids))
    if not wanted or not all(wanted):
        raise InputError("forget needs the id of a user (--user ID, or --file with one id per line, none empty)")
    signing.from_environment()  # before anything is changed that could not be signed
    with resources.required("forget", config.home), _one_at_a_time(config):
        with suppression.lock(config, alone=True):
            key = suppression.add(config, wanted).key
        bringing.everything(config, whole=("ingest", "features", "publish", "evaluate"))
        journals = {user_id: Journal.open(config.home, key, user_id, asked) for user_id in wanted}
        people = People(config, wanted, journals, leave_texts=also_in_text)
        with sql.connect(config.threads, config.memory_limit_mb) as connection:
            taken_out.of_nights(connection, config, people, key if also_in_text else None)
            _asked(config, people)
            keeping.tell(_receipts(config))
            for place in (config, *trials.workshops(config)):
                _nights(connection, place, people)
            day_so_far.drop(config)
            compare.drop(config)
            _tables(connection, config, people)
            following.follow(config, alone=True)  # copies are made of the files that have lost them
            _exports(config, people)
        site.write_again(config)
        if (mirror := homes.mirror_of(config.home)) is not None:
            garbage.collect(mirror, at_once=True)
        looked_through = [table.name for table in inputs.about_people()]
        return [journals[user_id].close(config, _databases(config), looked_through, also_in_text) for user_id in wanted]


@contextlib.contextmanager
def _one_at_a_time(config: Config) -> Iterator[None]:
    config.home.mkdir(parents=True, exist_ok=True)
    with (config.home / ".forget.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with keeping.held(_receipts(config)):
            yield


def _receipts(config: Config) -> Path:
    return config.home / "receipts"


def _asked(config: Config, people: People) -> None:
    """Remove what databases were asked for: what a mapping leaves out is in it too, so nothing less is complete."""
    if not answers.is_any(config):
        return
    with artifacts.lock(config.asked):
        if paths := answers.about_people(config):
            for journal in people.journals.values():
                journal.add(table="asked", files=len(paths))
            answers.remove(paths)


# --- nights -----------------------------------------------------------------------------------------------------------


def _nights(connection: Any, config: Config, people: People) -> None:
    """Drop the nights that know them, keep what the gate compares with."""
    made = [stage for stage in stages.STAGES if stage != "ingest"]
    stage_folders = [folder for stage in made for folder in taken_out.folders(config.lake / stage)]
    blocked = [p for p in (config.home / "blocked").glob(f"{artifacts.PARTITION}*") if p.is_dir()]
    for folder in stage_folders:  # of a home in an object store another machine may have made it
        keeping.fetch(folder, files_of(folder.parent.name))
    for night in sorted({artifacts.run_date_of(folder) for folder in [*stage_folders, *blocked]}):
        with contextlib.ExitStack() as held:
            # All, so that no stage of the night can start from what is being dropped; the last first, because a running
            # stage holds its own lock and waits for those before it: nobody waits in a circle.
            for stage in reversed(stages.STAGES):
                if stage != "ingest":
                    held.enter_context(artifacts.lock(artifacts.stage_dir(config.lake, stage, night)))
                    taken_out.sweep(artifacts.stage_dir(config.lake, stage, night))
            _drop_night(connection, config, people, night)
            kept = artifacts.stage_dir(config.lake, "evaluate", night)
            for folder in (kept, config.home / "blocked" / kept.name):
                _redact(connection, people, folder, table=folder.parent.name, night=night.isoformat())


def _drop_night(connection: Any, config: Config, people: People, night: date) -> None:
    """Drop the night's folders if one of them knows somebody, or none can tell; features, which tell it, last."""
    present = [f for f in (artifacts.stage_dir(config.lake, stage, night) for stage in reversed(DERIVED)) if f.is_dir()]
    features = artifacts.stage_dir(config.lake, "features", night)
    known = [path for folder in present for name in files_of(folder.parent.name) if (path := folder / name).is_file()]
    found = [who for path in known for who in redaction.find(connection, [path], people.ids).values()]
    can_tell = (features / "users.parquet").is_file() and not any(map(_elsewhere, present))
    knows = set().union(*found) if can_tell else set(people.ids)
    if people.leave_texts:
        knows |= mentions.in_features(connection, features, people)
    if people.taught_in_silence and not knows:  # a classifier has words of the texts that taught it
        present, knows = [folder for folder in present if folder.parent.name in stages.APART], set(people.ids)
    for folder in present if knows else []:
        for person in {people.aliases[alias] for alias in knows}:
            people.journals[person].add(dropped=folder.parent.name, night=night.isoformat())
        artifacts.remove(folder)


def _elsewhere(folder: Path) -> bool:
    """Whether a finished folder lacks a file that tells whom it knows: another machine made it since it was fetched."""
    made = artifacts.read_manifest(folder)["files"] if artifacts.is_finished(folder) else {}
    return any(name in made and not (folder / name).is_file() for name in files_of(folder.parent.name))


def _redact(connection: Any, people: People, folder: Path, **where: str) -> None:
    """Write those files of a folder again that have their rows."""
    if not folder.is_dir():
        return
    rewriting.finish(folder)
    named = [p for p in sorted(folder.glob("*.parquet")) if "user_id" in pq.read_schema(p).names]
    if not (found := {p: of for p in named for of in redaction.find(connection, [p], people.ids).values()}):
        return

    def write(beside: Path) -> dict[str, Any]:
        for path, counts in found.items():
            redaction.copy_without(path, beside / path.name, people.ids)
            before, after = map(artifacts.file_sha256, (path, beside / path.name))
            people.note(counts, **where, file=path.name, sha256_before=before, sha256_after=after)
            if path.name == samples.FILE:
                _out_of_report(folder / evaluate.REPORT, beside, samples.numbers(path, counts))
        return {}

    rewriting.rewrite(folder, write)


def _out_of_report(report: Path, beside: Path, numbers: list[int]) -> None:
    """Write a night's report again without some samples, which no other mark in it says anything of."""
    if report.is_file():
        text = page_samples.without(report.read_text(encoding="utf-8"), numbers)
        (beside / report.name).write_text(text, encoding="utf-8")


# --- tables -----------------------------------------------------------------------------------------------------------


def _databases(config: Config) -> list[str]:
    """The target, and where published tables can be from before they moved to it."""
    other = ["duckdb", "postgres"] if dsn.is_configured() else ["duckdb"]
    return list(dict.fromkeys([config.publish.target, *other]))


def _tables(connection: Any, config: Config, people: People) -> None:
    """Take them out of every published run: the Parquet files, then the databases."""
    archive, databases = stores.archive(config), {name: stores.target(config, name) for name in _databases(config)}
    with contextlib.ExitStack() as held:
        for database in databases.values():
            held.enter_context(database.lock())
        archive.clean()
        with ledger.forgetting(config.tables, archive):  # until the databases have lost them too
            for folder in sorted(archive.folder.glob(f"{RUN}*")):
                _redact(connection, people, folder, table="published", run_id=folder.name.removeprefix(RUN))
                mentions.in_published(connection, folder, people)
            for name, database in databases.items():
                database.clean()
                for alias in people.ids:
                    if rows := database.forget(alias):
                        people.note(Counter({alias: rows}), table="database", database=name)


def _exports(config: Config, people: People) -> None:
    """Take them out of the files that downstream reads; those exported elsewhere are not known here."""
    folder = config.home / "exports"
    names = {p.with_name(p.name.lstrip(".").partition(".jsonl")[0] + ".jsonl") for p in folder.rglob("*.jsonl*")}
    for path in sorted(names):
        with artifacts.lock(path):  # an export that is being written has read what was published before
            beside = path.with_name(f".{path.name}.partial")
            beside.unlink(missing_ok=True)
            if not path.is_file():
                continue
            removed = redaction.copy_lines_without(path, beside, people.ids)
            if removed:
                before, after = map(artifacts.file_sha256, (path, beside))
                where = {"table": "exports", "night": path.parent.name, "file": path.name}
                people.note(removed, **where, sha256_before=before, sha256_after=after)
                artifacts.sync(beside)
                beside.replace(path)
            beside.unlink(missing_ok=True)
