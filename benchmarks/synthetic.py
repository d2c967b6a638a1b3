"""A made-up shop of any size: raw logs as Parquet, one file a day, with the mapping and the configuration to run it.

    python -m benchmarks.synthetic /tmp/shop --users 10000 --items 2000 --events 1000000
    python -m pipeline --config /tmp/shop/pipeline.toml load-history --until 2024-06-29
    python -m pipeline --config /tmp/shop/pipeline.toml run --run-date 2024-06-30

What makes it a shop: users differ in how much they do (log-normal) and arrive over time; items are sold by a Zipf law
within clusters of taste, whose sizes follow another; every user has a home cluster and a few favourites that are bought
again; what is popular drifts; a fifth of the items is born while the log runs; titles are words of the item's cluster.
A day is drawn from (seed, day) alone, so any day can be made anew, and memory holds one day.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

START = date(2024, 1, 1)
DAYS = 182  # the last is Sunday, 2024-06-30
KINDS = ("view", "purchase", "return")
SHARES = (0.60, 0.37, 0.03)
HOME, FAVOURITE = 0.6, 0.25  # shares of events: in the user's own cluster, among the user's favourites; else anywhere
FAVOURITES = 8
BORN_LATER = 0.2
LOG = pa.schema(
    [
        pa.field("log_id", pa.int64()),
        pa.field("customer", pa.string()),
        pa.field("sku", pa.string()),
        pa.field("ts", pa.timestamp("us", tz="UTC")),
        pa.field("action", pa.string()),
        pa.field("price", pa.float64()),
        pa.field("quantity", pa.float64()),
    ]
)
EVENTS_SQL = """-- one row per log row
select
    log_id::varchar as event_id,
    customer as user_id,
    sku as item_id,
    ts as event_time,
    action as event_type,
    quantity,
    price,
    _file,
    _row
from raw
"""
ITEMS_SQL = """-- one row per item of the day's new ones
select sku as item_id, title, category, price, born as arrived_at, _file
from raw
"""
TOML = """# A made-up shop: {users:,} users, {items:,} items, {events:,} events.

[ingest.events]
files = "logs/{{year}}-{{month}}-{{day}}.parquet"
sql = "events.sql"

[ingest.items]
files = "items/{{year}}-{{month}}-{{day}}.parquet"
sql = "items.sql"

[features.event_types]
view = {{ weight = 0.1 }}
purchase = {{ weight = 1.0, label = true }}
return = {{ weight = -1.0 }}
"""


Drawn = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Users, items, kinds (positions in KINDS) and seconds of events [N]."""


def share_of(total: int, day: int) -> int:
    """How many of a total that is spread evenly over the days fall on one."""
    return total * (day + 1) // DAYS - total * day // DAYS


def zipf(n: int, exponent: float = 1.0) -> np.ndarray:
    """[n] cumulative probabilities of ranks 1..n, each proportional to rank ** -exponent."""
    weights = np.arange(1, n + 1, dtype=np.float64) ** -exponent
    return np.asarray(np.cumsum(weights) / weights.sum())


@dataclass(frozen=True)
class Shop:
    """The laws of one shop.

    Attributes:
        users, items, events: how many; days and events are spread evenly over DAYS.
        seed: of everything.
    """

    users: int
    items: int
    events: int
    seed: int = 0

    @cached_property
    def clusters(self) -> int:
        """C, the clusters of taste."""
        return max(2, min(200, self.items // 50))

    @cached_property
    def _starts(self) -> np.ndarray:
        """[C + 1] first item of each cluster; sizes fall by a power of the rank, none is empty."""
        share = np.arange(1, self.clusters + 1) ** -0.5
        sizes = np.maximum(1, np.floor(share / share.sum() * self.items)).astype(np.int64)
        sizes[0] += self.items - sizes.sum()
        return np.concatenate([[0], np.cumsum(sizes)])

    @cached_property
    def cluster(self) -> np.ndarray:
        """[I] the items' clusters."""
        return np.repeat(np.arange(self.clusters), np.diff(self._starts))

    @cached_property
    def born(self) -> np.ndarray:
        """[I] day on which an item is first there; most on day 0."""
        rng = np.random.default_rng([self.seed, 1])
        later = rng.random(self.items) < BORN_LATER
        later[self._starts[:-1]] = False  # every cluster has something to sell from the first day on
        return np.where(later, rng.integers(1, DAYS, self.items), 0)

    @cached_property
    def price(self) -> np.ndarray:
        """[I] log-normal prices."""
        return np.random.default_rng([self.seed, 2]).lognormal(2, 0.8, self.items).round(2) + 0.01

    @cached_property
    def home(self) -> np.ndarray:
        """[U] the users' clusters."""
        rng = np.random.default_rng([self.seed, 3])
        return np.searchsorted(zipf(self.clusters, 0.7), rng.random(self.users))

    @cached_property
    def _activity(self) -> np.ndarray:
        """[U] cumulative weights of how much the users do."""
        return np.cumsum(np.random.default_rng([self.seed, 4]).lognormal(0, 1, self.users))

    def _known(self, day: int) -> int:
        """How many users have arrived: half on the first day, the others evenly."""
        return max(1, int(self.users * (0.5 + 0.5 * (day + 1) / DAYS)))

    def _in_cluster(self, clusters: np.ndarray, luck: np.ndarray, day: int) -> np.ndarray:
        """Items of clusters by Zipf's law over ranks that drift by a tenth of the cluster in the whole log."""
        size = np.diff(self._starts)[clusters]
        rank = np.exp(luck * np.log(size + 1)).astype(np.int64) - 1  # continuous Zipf with exponent 1
        drift = (day * size) // (10 * DAYS)
        items = self._starts[clusters] + (np.minimum(rank, size - 1) + drift) % size
        return np.asarray(np.where(self.born[items] <= day, items, self._starts[clusters]))

    def draw(self, day: int, number: int | None = None) -> Drawn:
        """One day's events, in the order of time; `number`: how many, default: this day's even share."""
        rng = np.random.default_rng([self.seed, 5, day])
        number = share_of(self.events, day) if number is None else number
        known = self._known(day)
        users = np.searchsorted(self._activity[:known], rng.random(number) * self._activity[known - 1])
        how, luck = rng.random(number), rng.random(number)
        favourite = (how >= HOME) & (how < HOME + FAVOURITE)
        clusters = self.home[users]
        anywhere = how >= HOME + FAVOURITE
        clusters[anywhere] = np.searchsorted(zipf(self.clusters, 0.7), rng.random(int(anywhere.sum())))
        which = users * FAVOURITES + rng.integers(0, FAVOURITES, number)
        # a favourite is as popular as anything else, and the same every time: its luck is a hash
        luck[favourite] = ((which[favourite] * 2654435761 + self.seed) % 2**32) / 2**32
        items = self._in_cluster(clusters, luck, day)
        items[favourite] = self._in_cluster(clusters[favourite], luck[favourite], 0)
        kinds = np.searchsorted(np.cumsum(SHARES)[:-1], rng.random(number), side="right")
        return users, items, kinds, np.sort(rng.integers(0, 86_400, number))

    def log(self, day: int) -> pa.Table:
        """One day of the raw log."""
        users, items, kinds, seconds = self.draw(day)
        first = self.events * day // DAYS
        midnight = int(datetime.combine(START + timedelta(days=day), datetime.min.time(), UTC).timestamp())
        columns = [
            np.arange(first, first + len(users)),
            self.user_ids.take(pa.array(users)),
            self.item_ids.take(pa.array(items)),
            pa.array((midnight + seconds) * 1_000_000, pa.timestamp("us", tz="UTC")),
            pa.array(KINDS).take(pa.array(kinds)),
            self.price[items],
            np.ones(len(users)),
        ]
        return pa.table(columns, schema=LOG)

    def catalogue(self, day: int) -> pa.Table:
        """The items born on a day, with their titles: two words of the cluster and one of everybody's."""
        items = np.flatnonzero(self.born == day)
        rng = np.random.default_rng([self.seed, 6, day])
        own = self.cluster[items][:, None] * 20 + rng.integers(0, 20, (len(items), 2))
        common = rng.integers(0, 50, len(items))
        titles = [f"{word(a)} {word(b)} {word(100_000 + c)}" for (a, b), c in zip(own, common, strict=True)]
        midnight = datetime.combine(START + timedelta(days=day), datetime.min.time(), UTC)
        return pa.table(
            {
                "sku": self.item_ids.take(pa.array(items)),
                "title": pa.array(titles, pa.string()),
                "category": pa.array([f"cluster {c}" for c in self.cluster[items]], pa.string()),
                "price": self.price[items],
                "born": pa.array([midnight] * len(items), pa.timestamp("us", tz="UTC")),
            }
        )

    @cached_property
    def user_ids(self) -> pa.Array:
        """[U] strings."""
        return pa.array([f"u{n:07d}" for n in range(self.users)])

    @cached_property
    def item_ids(self) -> pa.Array:
        """[I] strings."""
        return pa.array([f"i{n:06d}" for n in range(self.items)])


def word(number: int) -> str:
    """A pronounceable word, another one for every number."""
    syllables = ["ba", "de", "fi", "go", "hu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu"]
    found = ""
    while True:
        number, place = divmod(number, len(syllables))
        found += syllables[place]
        if not number:
            return found if len(found) > 2 else found + "n"


def write(shop: Shop, folder: Path) -> None:
    """Write the raw logs, the mapping and pipeline.toml."""
    for name in ("logs", "items"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "events.sql").write_text(EVENTS_SQL, encoding="utf-8")
    (folder / "items.sql").write_text(ITEMS_SQL, encoding="utf-8")
    sizes = {"users": shop.users, "items": shop.items, "events": shop.events}
    (folder / "pipeline.toml").write_text(TOML.format(**sizes), encoding="utf-8")
    for day, night in days():
        pq.write_table(shop.log(day), folder / "logs" / f"{night}.parquet", compression="zstd")
        pq.write_table(shop.catalogue(day), folder / "items" / f"{night}.parquet", compression="zstd")


def days() -> Iterator[tuple[int, date]]:
    """The days of the log, by number and date."""
    return ((day, START + timedelta(days=day)) for day in range(DAYS))


def add_sizes(parser: argparse.ArgumentParser, default: Shop) -> None:
    """--users, --items and --events."""
    for name in ("users", "items", "events"):
        parser.add_argument(f"--{name}", type=int, default=getattr(default, name), help="default: %(default)s")


def main() -> None:
    """Write a shop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    add_sizes(parser, Shop(users=10_000, items=2_000, events=1_000_000))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    write(Shop(args.users, args.items, args.events, args.seed), args.folder)
    print(f"{args.folder / 'pipeline.toml'}: nights until {START + timedelta(days=DAYS - 1)}")


if __name__ == "__main__":
    main()
