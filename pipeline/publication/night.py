"""What publication reads of one night: the models' results and the facts about items, each read when first needed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.features.items import shown_items
from pipeline.features.offers import Never, Offers
from pipeline.features.read import Cutoff, choices, read_cutoffs, read_items, read_queries, read_users
from pipeline.ground import artifacts, sql
from pipeline.ground.errors import InputError
from pipeline.publication import editorial, likeness, popularity, similar, variants
from pipeline.publication.content import told
from pipeline.publication.exposed import Exposed
from pipeline.settings.config import Config
from pipeline.sources import Sources, registry
from pipeline.sources.contract import Vectors

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

FALLBACK = "fallback"
"""In the report of an evaluation: the pools whose lists are to be the baseline's, with commas between them."""
SHORT_LIFE_HOURS = 168.0
"""Items that live no longer than a week have their day, as news has: what is popular is what is popular now."""
LONG_AGO = 3
"""After so many lifetimes an eighth of the interest is left: lists may lose the item, and segments ask no further."""
NAME_LENGTH = 40
"""Characters of a title that a reason shows."""
NAMES = pa.schema([pa.field("item_index", pa.int32()), pa.field("name", pa.string())])


@dataclass(frozen=True)
class Night:
    """What publication reads of one night, read once.

    Attributes:
        features, ensemble, outcomes, evaluate: the stages' folders; fusion: where an arm can be shown one of its lists.
        sources, words: those of the sources, and of the stages of documents that the shop has, by name.
        run_date: the night; run_id: goes into every row.
        config: the configuration; connection: an in-memory DuckDB.
        rules: what editors decided.
        scratch: an existing folder for what other processes hand over.
        given_up: the pools whose lists are to be the baseline's; None: as the evaluation's manifest says.
        asked: bool [I], the items whose similar ones are looked for; None: all.
        checked: of each check of the other tables its name, the table it is about, and how many rows offend.
        exposed: what each surface's lists show, by its name, once they are made.
    """

    features: Path
    sources: Sources
    ensemble: Path
    outcomes: Path
    evaluate: Path
    run_date: date
    run_id: str
    config: Config
    connection: duckdb.DuckDBPyConnection
    scratch: Path
    rules: editorial.EditorialRules = editorial.NO_RULES
    asked: np.ndarray | None = None
    given_up: frozenset[str] | None = None
    fusion: Path | None = None
    words: Mapping[str, Path] = field(default_factory=dict)
    checked: tuple[tuple[str, str, int], ...] = ()
    exposed: Mapping[str, Exposed] = field(default_factory=dict)

    @property
    def valid_on(self) -> date:
        """The day that the tables are for."""
        return self.config.valid_on(self.run_date)

    @property
    def valid_from(self) -> datetime:
        """When they begin to hold, published_at too: as that day does in the shop's zone, or from `until` on."""
        starts = datetime.combine(self.valid_on, time(), ZoneInfo(self.config.timezone))
        return starts if self.config.until is None else self.config.until

    @cached_property
    def fallen_back(self) -> frozenset[str]:
        """The pools whose lists are the baseline's instead of the ensemble's; see pipeline.judging.fallback."""
        if self.given_up is not None:
            return self.given_up
        return frozenset(filter(None, artifacts.read_manifest(self.evaluate)["report"].get(FALLBACK, "").split(",")))

    @cached_property
    def cutoff(self) -> Cutoff:
        """Tonight's cut-off."""
        return read_cutoffs(self.features)[0]

    @cached_property
    def items(self) -> pa.Table:
        """schemas.ITEMS, row i is item i."""
        return read_items(self.features)

    @cached_property
    def users(self) -> pa.Table:
        """schemas.USERS, row u is user u."""
        return read_users(self.features)

    @cached_property
    def stats(self) -> pa.Table:
        """schemas.ITEM_STATS, row i is item i."""
        return self.cutoff.item_stats()

    @cached_property
    def lifetime_hours(self) -> float | None:
        """The age below which half of what is acted on lately is, where items live days; None: they live longer."""
        found = self.cutoff.trends().column("lifetime_hours")
        lifetime = found[0].as_py() if len(found) else None
        return lifetime if lifetime is not None and lifetime <= SHORT_LIFE_HOURS else None

    @cached_property
    def showable(self) -> dict[str, np.ndarray]:
        """Per surface bool [I]: what is available and passes its predicate, and no content check holds back."""
        given = shown_items(self.items, self.config, self.valid_on)
        return {name: shown & ~self.held for name, shown in given.items()}

    @cached_property
    def held(self) -> np.ndarray:
        """bool [I]: what content checks keep from everybody."""
        return told.held_items(self.words, self.items)

    @cached_property
    def lengths(self) -> dict[str, int]:
        """k of each surface; 0 where editors put nothing into its lists, as its items are allotted."""
        return {surface.name: 0 if surface.allot else surface.k for surface in self.config.surfaces}

    @cached_property
    def editing(self) -> dict[str, editorial.Editing]:
        """Per surface: what the editors' rules do to it."""
        return editorial.edit(self.rules, self.lengths, self.items, self.showable)

    @cached_property
    def shown(self) -> dict[str, np.ndarray]:
        """Per surface bool [I]: what it may show; no editor has blocked it."""
        return {name: shown & ~self.editing[name].blocked for name, shown in self.showable.items()}

    @cached_property
    def shown_somewhere(self) -> np.ndarray:
        """bool [I]: what at least one surface may show to anybody, and to as many as may be."""
        free = [shown for name, shown in self.shown.items() if name not in self.config.allotted]
        shown = np.asarray(np.logical_or.reduce([np.zeros(self.items.num_rows, dtype=bool), *free]))
        return self.never.everybodys(shown)

    @cached_property
    def never(self) -> Never:
        """Who may never be shown what."""
        return told.limited(Never.read(self.cutoff), self.words, self.items, self.users.num_rows, self.config)

    @property
    def offers(self) -> Offers | None:
        """What was offered to some users alone; None: nothing."""
        return self.never.offers

    @cached_property
    def products(self) -> np.ndarray | None:
        """[I] codes of what items are variants of, see variants; None: no item has others."""
        return variants.products(self.items)

    @cached_property
    def similar(self) -> tuple[np.ndarray, np.ndarray]:
        """Similar items of every item and their cosines, both [I, similar_k]."""
        return self.similar_to(self.asked, self.config.publish.similar_k)

    def similar_to(self, asked: np.ndarray | None, k: int, noised: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """The k most similar items and their cosines, both [I, k], of those in `asked`, bool [I]; None: of all. With
        `noised` by what [privacy] noises of factors and texts alone; how many bought an item no noise covers."""
        absent, privacy = np.zeros((self.items.num_rows, 1), dtype=np.float32), self.config.privacy
        kept = (not noised or privacy.enabled, not noised or privacy.texts)
        given = zip((self.factors, self.vectors), kept, strict=True)
        factors, vectors = (found if known and found is not None else absent for found, known in given)
        return similar.similar_items(factors, vectors, self._sold | noised, self.shown_somewhere, k, asked=asked)

    @cached_property
    def nameable(self) -> np.ndarray:
        """[I, similar_k] int32: the similar items that a reason may name, each in its place; see likeness."""
        found = self.similar[0]
        if not (found >= 0).any():
            return found
        titled = np.asarray(pc.is_valid(self.names))
        if self.vectors is not None and self.vectors.any():
            return likeness.nameable(found, self.vectors, titled, self.config.seed)
        if self.factors is None:
            return np.full_like(found, -1)
        return likeness.nameable(found, np.where(self._sold[:, None], self.factors, 0), titled, self.config.seed)

    @property
    def _sold(self) -> np.ndarray:
        """bool [I]: enough people bought it to be compared by its buyers."""
        return np.asarray(self.stats.column("buyers_total").to_numpy() >= self.config.publish.similar_min_buyers)

    @cached_property
    def factors(self) -> np.ndarray | None:
        """[I, d] item vectors made of who acts on them (of ALS); None where their source is switched off."""
        return self._vectors("behaviour", "item_factors")

    @cached_property
    def vectors(self) -> np.ndarray | None:
        """[I, h] vectors of the items' texts (of the language model); None where their source is switched off."""
        return self._vectors("text", "item_vectors")

    @cached_property
    def queries(self) -> pa.Table:
        """schemas.QUERIES."""
        return read_queries(self.features)

    @cached_property
    def choices(self) -> "csr_matrix":
        """[Q, I] CSR: how many people chose item i after query q."""
        return choices(self.queries, self.items.num_rows)

    @cached_property
    def query_vectors(self) -> np.ndarray | None:
        """[Q, h] vectors of the queries' texts; None where their source is switched off."""
        if (folder := self._scoring("text")) is None:
            return None
        path = folder / "query_vectors.npy"
        if not path.is_file():
            raise InputError(f"{path} is missing: run stage '{folder.parent.name}' again with --force")
        return np.asarray(np.load(path, allow_pickle=False))

    @cached_property
    def prices(self) -> np.ndarray:
        """[I] float32, nan where unknown."""
        return np.asarray(self.items.column("price").to_numpy(zero_copy_only=False), dtype=np.float32)

    @cached_property
    def usual_prices(self) -> np.ndarray:
        """[U] float32, the mean of the prices in a user's history, nan where unknown."""
        return np.asarray(self.cutoff.user_stats().column("mean_price").to_numpy(zero_copy_only=False), np.float32)

    @cached_property
    def popularity(self) -> np.ndarray:
        """[I] float64, buyers in the last 28 days; where items live days, actions, each halved with every lifetime."""
        if self.lifetime_hours is not None:
            return np.asarray(self.cutoff.trends().column("trend").to_numpy(), dtype=np.float64)
        return np.asarray(self.stats.column("buyers_28").to_numpy(), dtype=np.float64)

    @property
    def popular_days(self) -> int:
        """So many days count in what is popular: 28, or three lifetimes where items live days."""
        return 28 if self.lifetime_hours is None else math.ceil(LONG_AGO * self.lifetime_hours / 24)

    @cached_property
    def popularity_order(self) -> np.ndarray:
        """[I] int32 items, the most popular first; see popularity.order."""
        return popularity.order(self.items, self.stats, self.popularity)

    @cached_property
    def is_new(self) -> np.ndarray:
        """bool [I]: first seen in the last new_days days; how old that is what the first night knew, nobody knows."""
        seen = self.items.column("first_seen")
        first, oldest = pc.min(seen).as_py(), self.run_date - timedelta(days=self.config.publish.new_days)
        if first is None:
            return np.zeros(len(seen), dtype=bool)
        return np.asarray(pc.greater(seen, max(oldest, first)).to_numpy(), dtype=bool)

    @cached_property
    def is_popular(self) -> np.ndarray:
        """bool [I]: among the most popular items that are shown somewhere."""
        bought = self.popularity > 0
        order = self.popularity_order[(self.shown_somewhere & bought)[self.popularity_order]]
        popular = np.zeros(self.items.num_rows, dtype=bool)
        popular[order[: self.config.publish.popular_k]] = True
        return popular

    @cached_property
    def names(self) -> pa.Array:
        """[I] string: what a sentence calls an item; null: it has no title, and no sentence names it."""
        columns = {"items": self.items.select(["item_index", "item_id", "title"])}
        table = sql.query(self.connection, "publish/names", NAMES, columns, length=NAME_LENGTH)
        return table.column("name").combine_chunks()

    def _scoring(self, kind: Vectors) -> Path | None:
        """The folder of the source with vectors of a kind; None where it is switched off or there is none."""
        name = registry.scoring(kind)
        return self.sources[name] if name is not None and self.config.enabled(name) else None

    def _vectors(self, kind: Vectors, name: str) -> np.ndarray | None:
        """[I, d] of the source with vectors of a kind, written for tonight's cut-off or for the whole night."""
        if (stage := self._scoring(kind)) is None:
            return None
        found = [path for folder in (self.cutoff.dir_in(stage), stage) if (path := folder / f"{name}.npy").is_file()]
        if not found:
            raise InputError(f"{stage} has no {name}.npy: run stage '{stage.parent.name}' again with --force")
        vectors = np.load(found[0], mmap_mode="r", allow_pickle=False)
        if len(vectors) != self.items.num_rows:
            raise InputError(f"{found[0]} has {len(vectors)} rows for {self.items.num_rows} items of {self.features}")
        return np.asarray(vectors)
