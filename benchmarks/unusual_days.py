"""Are the days that `entities` calls unusual unusual?

    python -m benchmarks.unusual_days [FOLDER] [--false-share .01] [--past 91] [--seeds 100] [--since 2015-01-01]

Without FOLDER, a made-up log in which nothing is unusual: things as rare as once in weeks and as usual as many times a
day, weekends, days that differ by chance alone and by more than that. On how many days is something called unusual
there? And with planted bursts: how many are found?

FOLDER has `tweets.parquet` (ticker, created_at, text) and `prices.parquet` (ticker, date, adj_close): the StockNet data
of Xu and Cohen (ACL 2018), which may be worked with and not passed on. What people write is counted by share and day of
New York; prices, which nothing here learns from, say on which days something happened: the twentieth of each share's
days on which its price moved most. Compared at the same number of days: the highest z-values against mean and deviation
of the same past, the highest ratios to that mean, and the highest counts. The settings of pipeline.words.bursts were
chosen on the made-up log and looked at on days before `--since`.
"""

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.settings.sections.words import Entities
from pipeline.words import bursts

THINGS = 400
TOP = 0.05
RESAMPLES = 1000


def judged(texts: np.ndarray, everything: np.ndarray, day: int, past: int) -> bursts.Unusual:
    """A day of texts [E, D] about things, among all texts [D]."""
    others = everything[None, :] - texts
    before = slice(day - past, day)
    return bursts.of_day(texts[:, day], texts[:, before], others[:, day], others[:, before])


def usual(rng: np.random.Generator, past: int, differ: float) -> np.ndarray:
    """[E, past + 1] texts of a log in which nothing happens; a day's rate differs by `differ` of its square."""
    week = np.array([1, 1, 1, 1, 1, 0.3, 0.3])[np.arange(past + 1) % 7]
    rates = rng.gamma(0.5, 4, THINGS)[:, None] * week
    return np.asarray(rng.poisson(rates * (rng.gamma(1 / differ, differ, rates.shape) if differ else 1)))


def made_up(section: Entities, seeds: int) -> None:
    """Print what happens where nothing does, and where something was planted."""
    past = section.past_days
    for differ in (0.0, 0.25, 0.5):
        days, called, found = 0, 0, 0
        for seed in range(seeds):
            texts = usual(np.random.default_rng(seed), past, differ)
            some = unusual(judged(texts, texts.sum(axis=0), past, past), texts[:, past], section)
            days, called = days + bool(some.any()), called + int(some.sum())
            planted = np.arange(0, THINGS, 40)
            texts[planted, past] += 5 + 5 * np.round(texts[planted, :past].mean(axis=1)).astype(int)
            found += int(unusual(judged(texts, texts.sum(axis=0), past, past), texts[:, past], section)[planted].sum())
        share = f"{called / seeds:.2f} of {THINGS} things a day called unusual, any on {days / seeds:.2f} of the days"
        print(f"variance {differ}: {share}; planted, six times as many and five: {found / seeds / 10:.2f} found")


def unusual(said: bursts.Unusual, texts: np.ndarray, section: Entities) -> np.ndarray:
    """bool [E], as the stage decides."""
    return np.asarray(
        (said.false_share <= section.false_share) & (texts >= section.fewest) & (texts > said.expected), dtype=bool
    )


def real(folder: Path, section: Entities, since: str) -> None:
    """Print how many of the days called unusual are days on which the price moved."""
    past = section.past_days
    texts, everything, tickers, days = counted(folder)
    moved, traded = moves(folder, tickers, days)
    start = max(past, int(np.searchsorted(days, np.datetime64(since))))
    shape = (len(tickers), len(days) - start)
    called, z, ratio = np.zeros(shape, bool), np.full(shape, -np.inf), np.full(shape, -np.inf)
    for day in range(start, len(days)):
        before = texts[:, day - past : day]
        called[:, day - start] = unusual(judged(texts, everything, day, past), texts[:, day], section)
        z[:, day - start] = (texts[:, day] - before.mean(axis=1)) / np.maximum(before.std(axis=1), 1e-9)
        ratio[:, day - start] = texts[:, day] / np.maximum(before.mean(axis=1), 1e-9)
    moved, traded, count = moved[:, start:], traded[:, start:], texts[:, start:].astype(float)
    number = int((called & traded).sum())
    print(f"{traded.sum():,} days of {len(tickers)} shares since {days[start]}; {moved[traded].mean():.3f} moved most")
    told(f"called unusual, {number}", called & traded, moved)
    for name, value in (("z-value", z), ("ratio", ratio), ("count", count)):
        order = np.argsort(-np.where(traded, value, -np.inf), axis=None, kind="stable")[:number]
        highest = np.zeros(shape, bool)
        highest.flat[order] = True
        told(f"highest {name}, as many", highest, moved)


def told(name: str, called: np.ndarray, moved: np.ndarray) -> None:
    """Print the share of days that moved, with an interval over days drawn anew."""
    by_day = np.stack([(called & moved).sum(axis=0), called.sum(axis=0)])
    rng = np.random.default_rng(0)
    drawn = by_day[:, rng.integers(0, by_day.shape[1], (RESAMPLES, by_day.shape[1]))].sum(axis=2)
    low, high = np.quantile(drawn[0] / np.maximum(drawn[1], 1), [0.025, 0.975])
    print(f"{name}: {by_day[0].sum() / by_day[1].sum():.3f} [{low:.3f}, {high:.3f}] moved most")


def counted(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Different texts by share and day [E, D], of all shares [D], the shares [E] and the days [D]."""
    table = pq.read_table(folder / "tweets.parquet", columns=["ticker", "created_at", "text"])
    written = pc.assume_timezone(pc.cast(table.column("created_at"), pa.timestamp("us")), "UTC")
    local = pc.local_timestamp(pc.cast(written, pa.timestamp("us", tz="America/New_York")))
    rows = pa.table(
        {"ticker": table.column("ticker"), "day": pc.cast(local, pa.date32()), "text": table.column("text")}
    )
    rows = rows.group_by(["ticker", "day", "text"]).aggregate([])
    day = rows.column("day").to_numpy().astype("datetime64[D]")
    days = np.arange(day.min(), day.max() + 1)
    tickers, share = np.unique(rows.column("ticker").to_numpy(zero_copy_only=False).astype(str), return_inverse=True)
    cells = share * len(days) + (day - days[0]).astype(int)
    texts = np.bincount(cells, minlength=len(tickers) * len(days)).reshape(len(tickers), len(days))
    all_texts = rows.group_by(["day", "text"]).aggregate([]).column("day").to_numpy().astype("datetime64[D]")
    return texts, np.bincount((all_texts - days[0]).astype(int), minlength=len(days)), tickers, days


def moves(folder: Path, tickers: np.ndarray, days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """bool [E, D] each: whether the price of a share moved as on a twentieth of its days, and whether it was traded."""
    rows = pq.read_table(folder / "prices.parquet", columns=["ticker", "date", "adj_close"]).sort_by(
        [("ticker", "ascending"), ("date", "ascending")]
    )
    names = rows.column("ticker").to_numpy(zero_copy_only=False).astype(str)
    day = pc.cast(rows.column("date"), pa.date32()).to_numpy().astype("datetime64[D]")
    price = rows.column("adj_close").to_numpy()
    moved, traded = (np.zeros((len(tickers), len(days)), bool) for _ in range(2))
    for place, ticker in enumerate(tickers):
        mine = np.flatnonzero(names == ticker)[1:]
        change = np.abs(price[mine] / price[mine - 1] - 1)
        inside = (day[mine] >= days[0]) & (day[mine] <= days[-1])
        column = (day[mine][inside] - days[0]).astype(int)
        traded[place, column] = True
        moved[place, column] = (change > np.quantile(change, 1 - TOP))[inside] if len(change) else False
    return moved, traded


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="with tweets.parquet and prices.parquet")
    parser.add_argument("--false-share", type=float, default=Entities().false_share)
    parser.add_argument("--past", type=int, default=Entities().past_days)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--since", default="2015-01-01")
    options = parser.parse_args()
    section = Entities(false_share=options.false_share, past_days=options.past)
    if options.folder is None:
        made_up(section, options.seeds)
    else:
        real(options.folder, section, options.since)


if __name__ == "__main__":
    main()
