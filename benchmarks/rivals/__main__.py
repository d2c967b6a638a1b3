"""Nightjar and its rivals on the same nights, scored by the same scorer.

    python -m benchmarks.rivals [NIGHT ...] --out FOLDER [--data online_retail] [--ours EXPORT | --home HOME]
                                      [--only NAME ...] [--tune]

History and truth of each night come from the example's raw logs. Each rival has an environment of its own below
`--out` (pinned: `requirements/`), its settings in `settings/<data>.toml`, and a process of its own; what was run before
with the same settings, versions and history is not run again, so scoring anew takes seconds. Nightjar's lists
are those of `python -m benchmarks.quality NIGHT ... --export EXPORT`, or the tables published below `--home`.
Written below `results/<data>/`: report.md, quality.png, cost.png (and .svg). Without nights: the reporting nights.
`--tune` chooses settings on the tuning nights instead, and prints them.
"""

import argparse
import json
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks import scoring
from benchmarks.rivals import catalogue, environments, report, runner
from benchmarks.rivals.catalogue import PROTOCOLS, Data, Rival
from benchmarks.rivals.report import OURS, Row
from benchmarks.rivals.runner import Measured, NightFiles
from benchmarks.rivals.tune import tune
from pipeline.sources import configuration

Files = dict[str, dict[str, dict[date, Path]]]
"""By protocol, list and night."""


def run_all(
    data: Data, rivals: Iterable[Rival], nights: list[NightFiles], out: Path
) -> tuple[Files, dict[str, Measured]]:
    """Where the rivals' lists are, and what a night took; one that cannot run is left out."""
    files: Files = {protocol: {} for protocol in PROTOCOLS}
    cost = {}
    for rival in rivals:
        try:
            python = environments.python(rival.environment, out / "environments")
            folders = {n.date: out / "lists" / data.name / str(n.date) / rival.name for n in nights}
            found = [runner.run(rival, night, python, folders[night.date]) for night in nights]
        except (environments.NotInstalledError, runner.FailedError) as error:
            print(f"{rival.name} has no lists: {error}", flush=True)
            continue
        seconds, peak = np.mean([m.seconds for m in found]), max(m.peak_mb for m in found)
        cost[rival.name] = Measured(round(float(seconds), 1), peak)
        print(f"{rival.name}: {seconds:.1f} s a night, {peak:.0f} MB", flush=True)
        for protocol in rival.protocols:
            files[protocol][rival.name] = {d: folder / f"{protocol}.parquet" for d, folder in folders.items()}
    return files, cost


def ours(data: Data, nights: list[NightFiles], export: Path | None, home: Path | None, out: Path) -> Files:
    """Nightjar's published lists: an export's files, or written from the tables below a home folder."""
    settings = configuration.load(data.example)
    files: Files = {protocol: {} for protocol in PROTOCOLS}
    for surface in settings.surfaces:
        by_night = {}
        for night in nights:
            if export is not None:
                by_night[night.date] = export / f"{night.date}.{settings.pool(surface)}.{surface.name}.parquet"
            elif home is not None:
                table = home / "lake" / "publish" / f"run_date={night.date}" / "recommendations.parquet"
                by_night[night.date] = out / f"{night.date}.{settings.pool(surface)}.parquet"
                if table.exists():
                    scoring.write_lists(by_night[night.date], scoring.by_user(pq.read_table(table), surface.name))
        files[settings.pool(surface)].setdefault(OURS, by_night)
    return files


def draw(
    rows: Mapping[str, list[Row]], nights: list[NightFiles], cost: Mapping[str, Measured], python: Path, out: Path
) -> None:
    """Draw the plots, in an environment that has matplotlib."""
    drawn: dict[str, dict[str, object]] = {}
    for protocol in PROTOCOLS:
        for row in rows[protocol]:
            users = [scoring.judged(*n.judges(), protocol) for n in nights]
            entry = drawn.setdefault(row.name, {"title": row.title.split(" (")[0], "ours": row.name == OURS})
            entry[protocol] = [row.mean, *scoring.pooled_interval(users, list(row.ndcg.values()))]
            if row.name in cost:
                entry |= {"seconds": cost[row.name].seconds, "peak_mb": cost[row.name].peak_mb}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as numbers:
        json.dump(list(drawn.values()), numbers)
        numbers.flush()
        script = catalogue.HERE / "plots.py"
        subprocess.run([str(python), str(script), numbers.name, str(out)], check=True)


def _cost(text: str) -> Measured:
    seconds, peak = text.split(",")
    return Measured(float(seconds), float(peak))


def main(arguments: list[str] | None = None) -> None:
    """Run, score, print, draw."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("nights", nargs="*", type=date.fromisoformat)
    options.add_argument("--data", choices=catalogue.names(), default="online_retail")
    options.add_argument("--out", type=Path, required=True, help="environments, lists, report and plots")
    options.add_argument("--ours", type=Path, help="folder that benchmarks.quality --export wrote")
    options.add_argument("--home", type=Path, help="home folder with the published nights")
    options.add_argument("--ours-cost", type=_cost, metavar="SECONDS,MB", help="what a night of Nightjar takes")
    options.add_argument("--only", nargs="+", metavar="NAME", help="of settings/<data>.toml")
    options.add_argument("--tune", action="store_true", help="choose settings on the tuning nights instead")
    options.add_argument("--no-plots", action="store_true")
    chosen = options.parse_args(arguments)
    data = catalogue.read(chosen.data)
    if unknown := set(chosen.only or ()) - set(data.rivals):
        options.error(
            f"{', '.join(sorted(unknown))}: not in settings/{data.name}.toml, which has {', '.join(data.rivals)}"
        )
    rivals = [rival for name, rival in data.rivals.items() if not chosen.only or name in chosen.only]
    out = chosen.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    if chosen.tune:
        for rival in rivals:
            tune(data, rival, out)
        return
    nights = [runner.write_night(data, night, out) for night in chosen.nights or data.reporting]
    files, cost = run_all(data, rivals, nights, out)
    published = ours(data, nights, chosen.ours, chosen.home, out)
    if chosen.ours_cost:
        cost[OURS] = chosen.ours_cost
    titles = {rival.name: report.title(rival) for rival in rivals} | {OURS: "**Nightjar**"}
    rows = {p: report.score(nights, published[p] | files[p], titles, p) for p in PROTOCOLS}
    lines = [*report.summary(rows, cost)]
    for protocol in PROTOCOLS:
        lines += ["", *report.details(rows[protocol], protocol)]
    results = out / "results" / data.name
    results.mkdir(parents=True, exist_ok=True)
    (results / "report.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    if not chosen.no_plots:
        draw(rows, nights, cost, environments.python("plots", out / "environments"), results)
    print(f"\nwritten: {results}")


if __name__ == "__main__":
    main()
