"""A starter shop's nights with their home in a bucket, on two machines, against the same nights in a plain folder.

Where Spark is here, the executors of one of the machines make what the second night's users get.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.store import units, urls
from tests.conftest import ROOT, settings
from tests.engine.cluster import missing_of_spark
from tests.store.s3_server import KEY_ID, S3, SECRET

pytestmark = pytest.mark.slow

FIRST, SECOND = "2025-06-27", "2025-06-28"
SMALL = {"label_windows": 3, "block_users": 64, "fusion": {"rounds": 10, "ablation_rounds": 5, "activity_rounds": 5}}
ON_SPARK = [] if missing_of_spark() else ["--set", "engine=spark", "--set", "spark.master=local[2]"]
FORGOTTEN = "C0189"
SINCE = "2025-04-20"


@dataclass
class Machine:
    """Where commands run.

    Attributes:
        shop: its configuration's folder.
        environment: says which home is used.
        printed: what all commands said.
    """

    shop: Path
    environment: dict[str, str]
    printed: list[str] = field(default_factory=list)

    def run(self, *command: str, check: bool = True) -> str:
        arguments = [sys.executable, "-m", "pipeline", "--config", str(self.shop / "pipeline.toml"), *settings(SMALL)]
        environment = os.environ | {"PYTHONPATH": str(ROOT)} | self.environment
        done = subprocess.run(
            [*arguments, *command], env=environment, cwd=self.shop, capture_output=True, text=True, check=False
        )
        self.printed += [done.stdout, done.stderr]
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@dataclass
class Story:
    """What happened on both: two nights, then somebody is forgotten."""

    plain: Machine
    machines: list[Machine]
    url: str
    home: Path
    shown: dict[str, tuple[str, str]]


@pytest.fixture(scope="module")
def story(s3_server: S3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("in_a_bucket")
    url, home = f"s3://{s3_server.bucket()}/shop", folder / "home"
    reaches = s3_server.environment() | {"NIGHTJAR_HOME": url}
    plain = Machine(folder / "shop", reaches | {"NIGHTJAR_HOME": str(home), "NIGHTJAR_CACHE": str(folder / "logs")})
    machines = [Machine(folder / "shop", reaches | {"NIGHTJAR_CACHE": str(folder / name)}) for name in ("one", "other")]
    subprocess.run([sys.executable, "-m", "pipeline", "init", str(folder / "shop")], cwd=ROOT, check=True)
    bucket = url.removesuffix("/shop")
    _deliver(folder / "shop", f"{bucket}/logs", reaches)
    shown = {}
    for machine in (plain, machines[0]):
        machine.run("run", "--run-date", FIRST, "--with-history")
    for machine in (plain, machines[1]):
        machine.run("run", "--run-date", SECOND, "--stages", "ingest", "features", "outcomes", "fine_tune")
    for machine, given in ((plain, []), (machines[0], ON_SPARK)):  # a night that two machines share
        machine.run(*given, "run", "--run-date", SECOND)
    for name, command in {"show": ["show", "--user", FORGOTTEN], "status": ["status"]}.items():
        shown[name] = (plain.run(*command), machines[1].run(*command))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3_server.environment().items():
            patch.setenv(name, value)
        yield Story(plain, machines, url, home, shown)


def _deliver(shop: Path, logs: str, environment: dict[str, str]) -> None:
    """Let the shop's log be its last weeks, in the bucket; the mapping and the configuration stay on disk."""
    (log,) = (shop / "logs").iterdir()
    header, *rows = log.read_text(encoding="utf-8").splitlines(keepends=True)
    log.write_text("".join([header, *(row for row in rows if row >= SINCE)]), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        urls.parse(logs).open().upload(log.name, log)
    settings_file = shop / "pipeline.toml"
    text = settings_file.read_text(encoding="utf-8")
    settings_file.write_text(text.replace('"logs/*.csv"', f'"{logs}/*.csv"'), encoding="utf-8")


def hashes(story: Story) -> dict[str, dict[str, str]]:
    """The sha256 of every file that the store's manifests name, by night."""
    store = urls.parse(story.url).open()
    found = {}
    for entry in store.list("lake"):
        got = store.get(entry.key)
        assert got is not None
        files = units.parsed(story.url, entry.key, got[0])["files"]
        found[entry.key.removesuffix("/manifest.json")] = {name: about["sha256"] for name, about in files.items()}
    return found


def local_hashes(home: Path) -> dict[str, dict[str, str]]:
    found = {}
    for path in (home / "lake").glob("*/run_date=*/manifest.json"):
        files = json.loads(path.read_text())["files"]
        found[path.parent.relative_to(home).as_posix()] = {name: about["sha256"] for name, about in files.items()}
    return found


DIFFERS = {"report.html", "runs.parquet", "metrics.parquet"}
"""What says when or how fast something was made."""


def alike(found: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    return {night: {n: s for n, s in files.items() if n not in DIFFERS} for night, files in found.items()}


def test_every_night_has_the_bytes_of_a_home_on_disk(story: Story) -> None:
    in_store, on_disk = hashes(story), local_hashes(story.home)
    assert in_store.keys() == on_disk.keys()
    assert alike(in_store) == alike(on_disk)


def test_what_people_see_is_the_same(story: Story) -> None:
    for name, (plain, other) in story.shown.items():
        assert other == plain, name


def test_a_reader_of_the_bucket_finds_the_published_tables(story: Story, tmp_path: Path) -> None:
    store = urls.parse(story.url).open()
    got = store.get("tables/manifest.json")
    assert got is not None
    said = json.loads(got[0])
    run_id = said["links"]["current.duckdb"].removeprefix("runs/").removesuffix(".duckdb")
    store.download(said["objects"][f"parquet/run_id={run_id}/recommendations.parquet"], tmp_path / "x.parquet")
    here = story.home / "tables" / "parquet" / f"run_id={run_id}" / "recommendations.parquet"
    assert pq.read_table(tmp_path / "x.parquet").equals(pq.read_table(here, partitioning=None))


def test_no_secret_is_in_a_message_or_in_the_bucket(story: Story) -> None:
    store = urls.parse(story.url).open()
    manifests = [got[0].decode() for entry in store.list("lake") if (got := store.get(entry.key))]
    for text in [*manifests, *(said for machine in story.machines for said in machine.printed)]:
        assert SECRET not in text
        assert KEY_ID not in text


def test_messages_name_the_url(story: Story) -> None:
    said = "".join(story.machines[0].printed)
    assert f"{story.url}/lake/features/run_date={FIRST}" in said
    assert story.machines[0].environment["NIGHTJAR_CACHE"] not in said


def test_forgetting_prunes_and_a_night_again(story: Story) -> None:
    story.plain.run("forget", "--user", FORGOTTEN, "--asked", "2025-06-29")
    story.machines[1].run("forget", "--user", FORGOTTEN, "--asked", "2025-06-29")
    assert alike(hashes(story)) == alike(local_hashes(story.home))
    store = urls.parse(story.url).open()
    named = {
        key for e in store.list("lake") if (got := store.get(e.key)) for key in json.loads(got[0])["objects"].values()
    }
    got = store.get("tables/manifest.json")
    assert got is not None
    named |= set(json.loads(got[0])["objects"].values())
    kept = {e.key for e in store.list("objects") if not e.key.startswith(("objects/state", "objects/blocked"))}
    assert kept == named  # what had the person's rows is gone at once
    assert "unknown" in story.machines[0].run("show", "--user", FORGOTTEN)
    for machine in (story.plain, story.machines[0]):  # what the gate says of so few users depends on the processor
        machine.run("run", "--run-date", SECOND, "--no-gate")
    assert alike(hashes(story)) == alike(local_hashes(story.home))
    said = story.machines[1].run("prune", "--keep-days", "0")
    story.plain.run("prune", "--keep-days", "0")
    assert "in the store: " in said
    assert hashes(story).keys() == local_hashes(story.home).keys()


def test_a_bucket_that_may_not_be_written_is_said(story: Story, s3: S3) -> None:
    s3.faults.append(lambda method, _: "deny" if method == "PUT" else None)
    machine = story.machines[0]
    machine.run("run", "--run-date", SECOND, "--stages", "features", "--force", check=False)
    assert "may not do that: give them the right" in machine.printed[-1]
    s3.faults.clear()
    before = hashes(story)
    machine.run("run", "--run-date", SECOND, "--stages", "features")
    assert hashes(story) == before


def test_a_lost_cache_loses_nothing(story: Story) -> None:
    shutil.rmtree(story.machines[0].environment["NIGHTJAR_CACHE"])
    before = hashes(story)
    story.machines[0].run("run", "--run-date", SECOND, "--stages", "features", "als", "publish")
    assert hashes(story) == before
