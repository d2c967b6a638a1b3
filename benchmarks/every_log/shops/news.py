"""A planted news site: articles live two days, readers have sections and running stories, days are New York's.

What a reader clicks, of the articles that are up and not read yet, is drawn by the article's appeal, halved every eight
hours of its age, times the reader's share of the section, times what the reader thinks of the story. Stories run over
days and have words of their own, which stand in the titles: who follows a story can be told from a new title.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from benchmarks.every_log.shop import Own, Seen, Shop, made, write_csv
from benchmarks.every_log.shops import section_rules
from benchmarks.synthetic import word

ZONE = ZoneInfo("America/New_York")
START = datetime(2024, 1, 8, tzinfo=ZONE)  # a Monday; the clock is not put forward before March
LIFE, HALF_LIFE = 48, 8
"""Hours for which an article is up, and in which its appeal halves."""
SECTIONS = ("politics", "business", "sport", "culture", "science", "travel", "local", "technology")
STORIES = 12
"""Running stories of a section."""
HOURS = np.array([1, 1, 1, 1, 1, 2, 5, 8, 9, 7, 5, 5, 7, 6, 4, 4, 4, 5, 6, 7, 8, 8, 5, 3])
"""How a day's reading is spread over its hours."""
DESK = np.array([0, 0, 0, 0, 0, 1, 3, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3, 2, 2, 1, 1, 0, 0])
"""And its publishing."""
SITTINGS, FURTHER = 0.8, 1.5
"""Times a day that the mean reader comes, and clicks after a sitting's first, both in the mean."""


@dataclass(frozen=True)
class Site:
    """The laws of a site.

    Attributes:
        readers, days, articles: how many; articles are a day's.
        seed: of everything.
    """

    readers: int = 2000
    days: int = 30
    articles: int = 40
    seed: int = 0

    def _rng(self, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, stream])

    @cached_property
    def published(self) -> np.ndarray:
        """[A] hours since the start at which each article goes up, ascending."""
        rng = self._rng(1)
        hours = rng.choice(24, self.days * self.articles, p=DESK / DESK.sum()) + rng.random(self.days * self.articles)
        return np.sort(np.repeat(np.arange(self.days) * 24, self.articles) + hours)

    @cached_property
    def story(self) -> np.ndarray:
        """[A] the articles' stories; a section's are numbered together. What a story is worth moves from day to day."""
        rng = self._rng(2)
        stories = len(SECTIONS) * STORIES
        moves = rng.normal(0, 0.6, (self.days, stories))
        weight = np.exp(rng.normal(0, 1, stories) + np.cumsum(moves, axis=0))  # [days, stories]
        chance = np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)
        day = (self.published // 24).astype(int)
        return np.asarray((chance[day] < rng.random(len(day))[:, None]).sum(axis=1).clip(max=stories - 1))

    @property
    def section(self) -> np.ndarray:
        """[A] the articles' sections."""
        return self.story // STORIES

    @cached_property
    def appeal(self) -> np.ndarray:
        """[A] logarithm of what makes everybody click."""
        return self._rng(3).normal(0, 0.7, len(self.published))

    @cached_property
    def liking(self) -> np.ndarray:
        """[R, stories] logarithm of a reader's share of the section, and of what they think of the story."""
        rng = self._rng(4)
        shares = rng.dirichlet(np.full(len(SECTIONS), 0.4), self.readers) + 0.02
        return np.repeat(np.log(shares), STORIES, axis=1) + rng.normal(0, 1, (self.readers, len(SECTIONS) * STORIES))

    @cached_property
    def _activity(self) -> np.ndarray:
        """[R] sittings a day."""
        weight = self._rng(5).lognormal(0, 0.8, self.readers)
        return np.asarray(SITTINGS * weight / weight.mean())

    def clicks(self) -> Iterator[tuple[int, int, float]]:
        """Reader, article and hours since the start of every click, hour by hour."""
        rng = self._rng(6)
        read = np.zeros((self.readers, len(self.published)), dtype=bool)
        for hour in range(self.days * 24):
            up = np.flatnonzero((self.published <= hour) & (self.published > hour + 1 - LIFE))
            here = np.flatnonzero(rng.random(self.readers) < self._activity * HOURS[hour % 24] / HOURS.sum())
            score = self.appeal[up] - np.log(2) * (hour - self.published[up]) / HALF_LIFE
            score = score + self.liking[here][:, self.story[up]] + rng.gumbel(size=(len(here), len(up)))
            score[read[here][:, up]] = -np.inf
            order, wanted = np.argsort(-score, axis=1), 1 + rng.poisson(FURTHER, len(here))
            for place, reader in enumerate(here):
                chosen = [a for a in order[place, : wanted[place]] if np.isfinite(score[place, a])]
                for article, when in zip(up[chosen], np.sort(rng.random(len(chosen))), strict=True):
                    read[reader, article] = True
                    yield int(reader), int(article), hour + when

    def titles(self) -> list[str]:
        """[A] two words of the story, two of the section and two of everybody's."""
        rng = self._rng(7)
        own, common = rng.integers(0, 8, (len(self.story), 2)), rng.integers(0, 60, (len(self.story), 2))
        words = [
            [
                *(word(1000 + 8 * story + n) for n in mine),
                *(word(5000 + 20 * (story // STORIES) + n % 20) for n in rest),
            ]
            + [word(9000 + n) for n in rest]
            for story, mine, rest in zip(self.story, own, common, strict=True)
        ]
        return [" ".join(of_title) for of_title in words]

    def write(self, folder: Path) -> None:
        """Write the raw files: a log a day of New York's, and the articles."""
        at = [START.astimezone(UTC) + timedelta(hours=float(h)) for h in self.published]
        columns = {
            "article": [f"a{number:05}" for number in range(len(at))],
            "title": self.titles(),
            "section": [SECTIONS[s] for s in self.section],
            "published": [_iso(when) for when in at],
            "expires": [_iso(when + timedelta(hours=LIFE)) for when in at],
        }
        write_csv(pa.table(columns), folder / "articles" / "articles.csv.zst")
        days: dict[date, list[tuple[str, str, str, str]]] = {}
        for number, (reader, article, hours) in enumerate(self.clicks()):
            when = START.astimezone(UTC) + timedelta(hours=hours)
            row = (f"c{number:07}", f"r{reader:04}", f"a{article:05}", _iso(when))
            days.setdefault(when.astimezone(ZONE).date(), []).append(row)
        for day, rows in days.items():
            names = ("click", "reader", "article", "time")
            write_csv(
                pa.table(dict(zip(names, zip(*rows, strict=True), strict=True))), folder / "logs" / f"{day}.csv.zst"
            )


def _iso(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def articles(seen: Seen) -> pa.Table:
    """Article, section, and the hours since it went up at the end of the night, of those that are up then."""
    raw = section_rules.read(seen.folder / "articles" / "articles.csv.zst")
    midnight = datetime.combine(seen.night + timedelta(days=1), time(), ZONE)
    age = [(midnight - datetime.fromisoformat(t)).total_seconds() / 3600 for t in raw["published"].to_pylist()]
    table = pa.table({"item_id": raw["article"], "section": raw["section"], "age": age})
    return table.filter(pa.array([0 <= hours < LIFE for hours in age]))


def offer(seen: Seen) -> set[str]:
    """The articles that are up when the night is over."""
    return set(articles(seen)["item_id"].to_pylist())


def rules(seen: Seen, users: Sequence[str]) -> Mapping[str, Mapping[str, list[str]]]:
    """Share of the section x fresh clicks x age."""
    return section_rules.lists(seen, users, articles(seen))


OWN = Own(offer=offer, rules=rules)
SHOP = Shop(
    "news",
    nights=(date(2024, 1, 26), date(2024, 1, 29), date(2024, 2, 1), date(2024, 2, 4)),  # every third, to the end
    tuning=(date(2024, 1, 19), date(2024, 1, 21), date(2024, 1, 23)),
    write=made("news", Site().write),
    own={"for_you": OWN, "discover": OWN},
)
