"""The table `recommendations`: every surface's list of every user with a history, each item with its reason."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine import Arrays, Bound, Work, map_works
from pipeline.ground import sql
from pipeline.ground.errors import InputError
from pipeline.publication import arms, explained_blocks, exploring, instead, reasons, shown, withheld
from pipeline.publication.allotment.rules import Rules
from pipeline.publication.allotment.table import ADDS, allotted
from pipeline.publication.candidates import Candidates
from pipeline.publication.maker import Columns, Maker
from pipeline.publication.night import Night
from pipeline.publication.surfaces import OwnHistory
from pipeline.published.contract import OF_RUN, Column, PublishedTable
from pipeline.settings.sections.experiment import Experiment
from pipeline.settings.sections.publication import Surface

TABLE = PublishedTable(
    name="recommendations",
    grain="one row per surface, user and rank",
    columns=(
        Column("surface", pa.string(), "the list's name in the configuration", of=OF_RUN),
        Column(
            "user_id",
            pa.string(),
            "the user, as the logs or their pseudonyms have it",
            of=("same features.users(user_id)", "filter features.targets(user_index)"),
        ),
        Column(
            "rank", pa.int32(), "the place in the list, 1 is the best", of=("sort ensemble.lists(score, probability)",)
        ),
        Column(
            "item_id",
            pa.string(),
            "an item that the surface may show",
            of=(
                "same features.items(item_id)",
                "join ensemble.lists(item_index)",
                "filter features.items(available, category, price, kind, parent_id, first_seen)",
                "filter features.disliked(user_index, item_index)",
                "filter features.offers(user_index, item_index)",
            ),
        ),
        Column(
            "score",
            pa.float32(),
            "probability that the user acts on it within the horizon, never rising with the rank",
            of=("made ensemble.lists(probability, score)", "if evaluate.metrics(value)"),
        ),
        Column(
            "source",
            pa.string(),
            "whose list ranked the item best, with +boost and editor:pin where editors acted",
            of=("made ensemble.lists(source)",),
        ),
        Column(
            "reason",
            pa.string(),
            "a sentence for the user: why this item",
            of=(
                "if ensemble.lists(source)",
                "made features.items(title, category)",
                "made features.interactions(count, last_age)",
                "sort sources.vectors(vector)",
            ),
        ),
        Column(
            "policy",
            pa.string(),
            "where the surface explores: what chose the item, best or the policy of a slot that is drawn",
            nullable=True,
            added_later=True,
            of=OF_RUN,
        ),
        Column(
            "propensity",
            pa.float32(),
            "where the surface explores: the chance with which the slot shows this item, given those above it",
            nullable=True,
            added_later=True,
            of=("made ensemble.lists(probability, score)", "made outcomes.learned_slots(chance, is_clicked)"),
        ),
    ),
    key=("user_id", "surface", "rank"),
    index="user_id",
    things=("user_id", "users"),
)
COLUMNS = ("user", "rank", "item", "score", "source", "kind", "because", "rule", "times", "age", "policy", "propensity")
CAN = "can"
"""Which kinds of reason are true, where one is chosen of them later."""
TOLD = 2**16
"""Rows whose sentences are written together, at least: a query costs milliseconds before its first row."""


def make(night: Night) -> Iterable[pa.Table]:
    """The lists of every surface, sorted by surface, user_id, rank over all pieces.

    Raises:
        InputError: a surface's items are allotted by probabilities, and it has none.
    """
    targets = night.cutoff.targets()
    by_user_id = pc.sort_indices(night.users.column("user_id").take(pa.array(targets))).to_numpy()
    history = OwnHistory.read(night.cutoff)
    surfaces = sorted(night.config.surfaces, key=lambda s: s.name)
    experiment, arm_of = arms.of_night(night)
    lead = night.config.explanations.lead
    labels: dict[str, list[str]] = {}
    policies: dict[str, list[str | None]] = {}
    columns: dict[str, tuple[str, ...]] = {}

    def works() -> Iterator[tuple[str, Work]]:
        for surface in surfaces:
            makers, which = _makers(night, surface, (experiment, arm_of), history)
            labels[surface.name] = makers[0].candidates.labels
            policies[surface.name] = [_policy(maker.surface) for maker in makers]
            columns[surface.name] = _columns(makers)
            given = {"makers": makers, "which": which, "rows": by_user_id, "targets": targets}
            del makers
            yield f"publish {surface.name}", Listed(Bound(Ordered, given))

    each = map_works(works(), len(targets), night.config, night.scratch, shared=True)
    for surface, made in zip(surfaces, each, strict=True):
        names = columns[surface.name]
        pieces: Iterable[Columns] = (dict(zip(names, arrays, strict=True)) for _, arrays in made)
        if withheld.USER in names:
            pieces = withheld.kept(pieces, night, surface.name)
        if surface.allot is not None:
            rules, users = Rules.tonight(night, surface), np.asarray(targets)[by_user_id]
            pieces = allotted(rules, pieces, users, night.scratch)
        if night.config.explanations.ranks:
            pieces = shown.kept(pieces, night, surface.name, shown.ranks(night.config))
        told = gathered(pieces, TOLD)
        if lead:
            shown.put_by(told, night.scratch, surface.name)
        else:
            yield from (sentences(night, surface, labels[surface.name], rows, policies[surface.name]) for rows in told)
    if lead:
        explained_blocks.lead(night)
        for surface in surfaces:
            told = shown.told(night, surface.name)
            yield from (sentences(night, surface, labels[surface.name], rows, policies[surface.name]) for rows in told)


def _policy(surface: Surface) -> str | None:
    """How a surface draws slots; None: it draws none."""
    return None if surface.explore is None else surface.explore.policy


def _columns(makers: Sequence[Maker]) -> tuple[str, ...]:
    """What is handed on of a surface's lists; of one whose draws are recorded, for all or in an arm, more."""
    records = any(maker.surface.explore is not None and maker.surface.explore.record > 0 for maker in makers)
    worth = (ADDS,) if makers[0].worth is not None else ()
    true = (CAN,) if makers[0].facts.every else ()
    return (*COLUMNS, *true, *(withheld.COLUMNS if records else ()), *worth)


def _makers(
    night: Night, surface: Surface, divided: tuple[Experiment | None, np.ndarray], history: OwnHistory
) -> tuple[tuple[Maker, ...], np.ndarray]:
    """The makers of a surface's lists, one unless arms differ, and whose each target's is: int8 [T]."""
    (experiment, arm_of), targets = divided, night.cutoff.targets()
    final = Candidates.read(night, surface, len(targets))
    if surface.allot is not None:
        if not final.calibrated:
            said = "its lists have no probabilities to allot by: set ensemble.final to a merged list"
            raise InputError(f"surface '{surface.name}': {said}")
        surface = surface.model_copy(update={"k": surface.candidates})  # all of them, from which the limits choose
    if experiment is None:
        return (Maker.of(night, surface, final, history),), np.zeros(len(targets), dtype=np.int8)
    found = arms.variants(experiment, surface)
    final = instead.labelled(final, [variant.final for variant in found])
    makers = [
        Maker.of(night, variant.surface, instead.of(night, surface, final, variant.final), history) for variant in found
    ]
    return tuple(makers), arms.which(found, arm_of[targets])


@dataclass(frozen=True)
class Ordered:
    """A surface's makers and whom they make lists for, in the order of the table.

    Attributes:
        makers: of the lists; more than one where arms of an experiment differ.
        which: int8 [T] whose the list of each row of the candidates is.
        rows: [T] which row of the candidates comes when.
        targets: [T] user index of each row of the candidates.
    """

    makers: tuple[Maker, ...]
    which: np.ndarray
    rows: np.ndarray
    targets: np.ndarray

    def lists(self, block: slice) -> Columns:
        """The lists of a block of the table's users, see Maker.lists; of a later maker another policy's code."""
        rows = np.asarray(self.rows[block])
        users = np.asarray(self.targets[rows])
        if len(self.makers) == 1:
            return self.makers[0].lists(rows, users)
        made = []
        for number, maker in enumerate(self.makers):
            mine = self.which[rows] == number
            found = maker.lists(rows[mine], users[mine])
            drawn = found["policy"] == exploring.DRAWN
            made.append(found | {"policy": np.where(drawn, exploring.DRAWN + number, found["policy"]).astype(np.int8)})
        columns, by_user = _joined(made), np.argsort(users)

        def order(name: str) -> np.ndarray:
            place = by_user[np.searchsorted(users, columns[name], sorter=by_user)]
            return np.argsort(place, kind="stable")

        of_lists, of_record = order("user"), order(withheld.USER)
        return {n: c[of_record if n in withheld.COLUMNS else of_lists] for n, c in columns.items()}


@dataclass(frozen=True)
class Listed(Work):
    """Makes one surface's lists of blocks of users.

    Attributes:
        ordered: what makes them.
    """

    ordered: Bound[Ordered]

    def share(self, folder: Path) -> Self:
        """See Work.share: all that the maker knows."""
        return replace(self, ordered=self.ordered.share(folder))

    def open(self, threads: int) -> Callable[[slice], Arrays]:
        """A function of a block: COLUMNS, one element per recommendation, and withheld.COLUMNS where they are kept."""
        ordered = self.ordered.call()
        names = _columns(ordered.makers)

        def make(block: slice) -> Arrays:
            made = ordered.lists(block)
            return tuple(made[name] for name in names)

        return make


def gathered(pieces: Iterable[Columns], rows: int) -> Iterator[Columns]:
    """The pieces, put together until they have at least so many rows; the last has what is left."""
    held: list[Columns] = []
    for piece in pieces:
        held.append(piece)
        if sum(len(columns["rank"]) for columns in held) >= rows:
            yield _joined(held)
            held = []
    if held:
        yield _joined(held)


def _joined(pieces: list[Columns]) -> Columns:
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def sentences(
    night: Night, surface: Surface, labels: list[str], rows: Columns, policies: Sequence[str | None] = (None,)
) -> pa.Table:
    """The rows as they are published: indices become ids, the facts of a reason a sentence, codes policies' names."""
    today = (night.run_date - date(1970, 1, 1)).days
    rows_shown = pa.table(
        {
            "position": np.arange(len(rows["rank"])),
            "user_id": night.users.column("user_id").take(pa.array(rows["user"])),
            "rank": rows["rank"],
            "item_id": night.items.column("item_id").take(pa.array(rows["item"])),
            "score": rows["score"],
            "source": pa.array(np.array(labels)[rows["source"]], pa.string()),
            "rule": rows["rule"],
            "kind": rows["kind"],
            "name": night.names.take(pa.array(rows["because"], mask=rows["because"] < 0)),
            "times": rows["times"],
            "policy": pa.array([None, "best", *policies], pa.string()).take(pa.array(rows["policy"])),
            "propensity": pa.array(rows["propensity"], from_pandas=True),
            "last_day": pa.array((today - np.rint(rows["age"])).astype(np.int32)).cast(pa.date32()),
        }
    )
    return sql.query(
        night.connection,
        "publish/reasons",
        TABLE.schema,
        {"shown": rows_shown},
        run_id=night.run_id,
        surface=surface.name,
        verb=night.config.publish.verb or reasons.verb(night.config.features.event_types),
        people=reasons.people(night.config.features.event_types),
        lately="this month" if night.lifetime_hours is None else "now",
    )
