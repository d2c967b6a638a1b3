"""A planted log of films: stars from 1 to 5, genres and tastes, popularity that drifts, and nobody rates twice.

A film is rated by who likes its kind (genres that its text names, and four traits that nothing names), more often when
it is new or talked about. Two fifths of the films are released while the log runs. What a rating says is the viewer's
liking, the film's quality, and noise.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.every_log.shop import Shop, made, write_csv
from benchmarks.synthetic import word

START = date(2023, 1, 1)
GENRES = ("drama", "comedy", "thriller", "romance", "horror", "western", "animation", "documentary", "war", "musical")
TRAITS = 4
RELEASED = 0.4
"""Share of the films that come while the log runs."""
NEW_DAYS = 45
"""In so many days the boost of a release falls by a factor e."""
FILMS_A_SITTING = 2.0


@dataclass(frozen=True)
class Films:
    """The laws of the log.

    Attributes:
        viewers, films, days: how many.
        ratings: about how many.
        seed: of everything.
    """

    viewers: int = 1500
    films: int = 1200
    days: int = 365
    ratings: int = 60_000
    seed: int = 0

    def _rng(self, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, stream])

    @cached_property
    def genres(self) -> np.ndarray:
        """[F, 2] a film's first and second genre."""
        return np.argsort(self._rng(1).random((self.films, len(GENRES))), axis=1)[:, :2]

    @cached_property
    def released(self) -> np.ndarray:
        """[F] day of release; 0: long before."""
        rng = self._rng(2)
        return np.where(rng.random(self.films) < RELEASED, rng.integers(1, self.days, self.films), 0)

    @cached_property
    def quality(self) -> np.ndarray:
        """[F] what everybody thinks of a film."""
        return self._rng(3).normal(0, 0.5, self.films)

    @cached_property
    def liking(self) -> np.ndarray:
        """[V, F] what a viewer thinks of a film's genres and traits; about standard normal."""
        rng = self._rng(4)
        of_genre = rng.normal(0, 1, (self.viewers, len(GENRES)))
        kind = (2 * of_genre[:, self.genres[:, 0]] + of_genre[:, self.genres[:, 1]]) / np.sqrt(5)
        traits = rng.normal(0, 1, (self.viewers, TRAITS)) @ rng.normal(0, 1, (TRAITS, self.films)) / np.sqrt(TRAITS)
        return np.asarray((kind + traits) / np.sqrt(2))

    @cached_property
    def fame(self) -> np.ndarray:
        """[weeks, F] logarithm of how much a film is talked about, a random walk."""
        rng = self._rng(5)
        walk = np.cumsum(rng.normal(0, 0.15, (self.days // 7 + 1, self.films)), axis=0)
        return np.asarray(rng.normal(0, 1.2, self.films) + 0.5 * self.quality + walk)

    @cached_property
    def _sittings(self) -> np.ndarray:
        """[V] a day, from the day on which a viewer joins."""
        weight = self._rng(6).lognormal(0, 0.8, self.viewers)
        return np.asarray(weight / (weight * (self.days - self.joined)).sum() * self.ratings / FILMS_A_SITTING)

    @cached_property
    def joined(self) -> np.ndarray:
        """[V] day."""
        return self._rng(7).integers(0, int(0.8 * self.days), self.viewers)

    def rows(self) -> Iterator[tuple[int, int, int, int, int]]:
        """Viewer, film, stars, day and second of every rating."""
        rng = self._rng(8)
        rated = np.zeros((self.viewers, self.films), dtype=bool)
        for day in range(self.days):
            sits = rng.random(self.viewers) < np.where(self.joined <= day, self._sittings, 0)
            here = np.flatnonzero(sits)
            age = day - self.released
            draw = self.fame[day // 7] + np.where(self.released > 0, 2 * np.exp(-age.clip(min=0) / NEW_DAYS), 0)
            score = draw + self.liking[here] + rng.gumbel(size=(len(here), self.films))
            score[:, age < 0] = -np.inf
            score[rated[here]] = -np.inf
            order = np.argsort(-score, axis=1)
            for place, viewer in enumerate(here):
                films = order[place, : 1 + rng.poisson(FILMS_A_SITTING - 1)]
                films = films[np.isfinite(score[place, films])]
                rated[viewer, films] = True
                opinion = 3.0 + 0.8 * self.liking[viewer, films] + self.quality[films] + rng.normal(0, 0.6, len(films))
                seconds = rng.integers(0, 82_800) + 60 * np.arange(len(films))
                for film, stars, second in zip(films, np.rint(opinion).clip(1, 5), seconds, strict=True):
                    yield int(viewer), int(film), int(stars), day, int(second)

    def titles(self) -> list[str]:
        """[F] a name, in which nothing is said of the genre."""
        rng = self._rng(9)
        return [f"The {word(a).title()} of {word(b).title()}" for a, b in rng.integers(0, 3000, (self.films, 2))]

    def write(self, folder: Path) -> None:
        """Write the raw files: a log a month, and the films."""
        names = [[GENRES[g] for g in both] for both in self.genres]
        columns = {
            "film": [f"f{number:04}" for number in range(self.films)],
            "title": self.titles(),
            "genre": [first for first, _ in names],
            "genres": [" ".join(both) for both in names],
            "released": [f"{START + timedelta(days=int(day))}T00:00:00Z" for day in self.released],
        }
        write_csv(pa.table(columns), folder / "films.csv.zst")
        months: dict[str, list[tuple[str, str, int, str]]] = {}
        for viewer, film, stars, day, second in self.rows():
            when = datetime.combine(START, datetime.min.time(), UTC) + timedelta(days=day, seconds=second)
            row = (f"v{viewer:04}", f"f{film:04}", stars, when.strftime("%Y-%m-%dT%H:%M:%SZ"))
            months.setdefault(f"{when:%Y-%m}", []).append(row)
        for month, rows in months.items():
            header = ("viewer", "film", "stars", "time")
            write_csv(
                pa.table(dict(zip(header, zip(*rows, strict=True), strict=True))), folder / "logs" / f"{month}.csv.zst"
            )


SHOP = Shop(
    "ratings",
    nights=(date(2023, 8, 6), date(2023, 9, 3), date(2023, 10, 1), date(2023, 11, 5)),  # the months' first Sundays
    tuning=(date(2023, 5, 7), date(2023, 6, 4), date(2023, 7, 2)),
    write=made("ratings", Films().write),
)
