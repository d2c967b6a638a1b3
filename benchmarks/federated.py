"""Do branches that share nothing but sums fit item factors as good as those of one shop with all their logs?

    python -m benchmarks.federated OUT 2010-08-01 2010-10-03 2010-12-05 2011-02-06 2011-04-03 2011-06-05 [--home FOLDER]

Three branches of Online Retail II by country: the United Kingdom; its three largest other markets by customers, which
are Germany, France and EIRE; and all others. They were set so before anything was measured. A customer belongs to the
country of most of the customer's invoices up to the night. Each night, from the same history as the stage `als` reads
and with its default settings, the item factors are fitted

    pooled       from all customers, by the function that the stage `als` calls
    federated    by pipeline.federated with the three branches in this process, who exchange sums
    alone        by each branch from its own customers
    federated, N buyers    as federated, each branch leaving out items that fewer than N of its customers have

Each customer's factors are then solved from the customer's own history, and the list judged by what customers did in
the 14 days after: NDCG@10 of all items, and of those new to the customer. Means are over the nights so far; intervals
draw customers with all their nights. Nights before 2011-07-01 only. OUT gets federated.json.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np

from benchmarks import nights, scoring
from pipeline.arrays.factorisation import factorise
from pipeline.arrays.private_moments import user_factors
from pipeline.features.read import read_cutoffs, read_users
from pipeline.federated.branch import Branch, often_enough
from pipeline.federated.fit import Shape, fit, start, together
from pipeline.ground import artifacts
from pipeline.settings.config import Config
from pipeline.sources import als
from pipeline.sources.als import Als

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

LAST = date(2011, 6, 30)
BRANCHES: Mapping[str, tuple[str, ...]] = {
    "United Kingdom": ("United Kingdom",),
    "Germany, France, EIRE": ("Germany", "France", "EIRE"),
    "all others": (),
}
COUNTRIES = """-- one row per customer: the country of most invoices up to a day
select CustomerID, Country from (
    select CustomerID, Country, count(distinct InvoiceNo) as invoices
    from read_csv($files, all_varchar = true)
    where CustomerID is not null and try_cast(InvoiceDate as timestamp) < cast($until as date) + interval 1 day
    group by all
)
qualify row_number() over (partition by CustomerID order by invoices desc, Country) = 1
"""
Values = dict[str, np.ndarray]
"""NDCG@10 [J] of judged customers, by way."""


@dataclass(frozen=True)
class Night:
    """What is judged of a night.

    Attributes:
        confidence: [U, I] CSR, the history as `als` reads it.
        branch: [U] number of each customer's branch.
        judged: [J] rows of the judged customers.
        users: their ids.
        known, later, hidden: bool [J, I] what they had, what they did after, and what is on no list of theirs.
    """

    confidence: "csr_matrix"
    branch: np.ndarray
    judged: np.ndarray
    users: list[str]
    known: np.ndarray
    later: np.ndarray
    hidden: np.ndarray

    @classmethod
    def of(cls, settings: Config, night: date) -> "Night":
        """Make what is not there of a night, and read it."""
        nights.make_features(settings, [night])
        features = artifacts.stage_dir(settings.lake, "features", night)
        cutoff, rows = read_cutoffs(features)[0], nights.Rows.of(settings, night)
        tables = scoring.known_and_later(settings.folder, night, timedelta(days=settings.horizon_days))
        known, later = (rows.matrix(table).astype(bool) for table in tables)
        judged = np.flatnonzero((np.diff(known.indptr) > 0) & (np.diff(later.indptr) > 0))
        ids = read_users(features)["user_id"].to_pylist()
        dense = (known[judged].toarray(), later[judged].toarray(), cutoff.disliked()[judged].toarray() > 0)
        users = [ids[row] for row in judged]
        return cls(als.confidence(cutoff, section_of(settings)), _branches(settings, night, ids), judged, users, *dense)

    def judge(self, items: np.ndarray, reg: float) -> tuple[np.ndarray, np.ndarray]:
        """NDCG@10 [J] of all items and of new ones by item factors [I, d]; NaN who had nothing new.

        Args:
            items: the factors.
            reg: L2 weight of the customers' own.
        """
        scores = user_factors(self.confidence[self.judged], items, reg, threads=2) @ items.T
        scores[(scores <= 0) | self.hidden] = -np.inf
        fresh = self.later & ~self.known
        some = fresh.any(axis=1)
        new = np.full(len(scores), np.nan)
        new[some] = scoring.ndcg_of_scores(np.where(self.known, -np.inf, scores)[some], fresh[some])
        return scoring.ndcg_of_scores(scores, self.later), new


def section_of(settings: Config) -> Als:
    """The section of `als`."""
    section = getattr(settings, "als")  # noqa: B009 (sources are not fields that a type checker knows)
    assert isinstance(section, Als)
    return section


def _branches(settings: Config, night: date, ids: list[str]) -> np.ndarray:
    with duckdb.connect() as connection:
        parameters = {"files": str(settings.folder / "logs" / "*.csv.zst"), "until": night}
        country = dict(connection.execute(COUNTRIES, parameters).fetchall())
    number = {name: branch for branch, names in enumerate(BRANCHES.values()) for name in names}
    return np.array([number.get(country.get(one, ""), len(BRANCHES) - 1) for one in ids])


def factors(night: Night, section: Als, seed: int, fewest: tuple[int, ...]) -> dict[str, list[np.ndarray]]:
    """Item factors [I, d] of each way: one for all branches, or one for each."""
    shape = Shape(section.factors, section.reg, section.iterations, section.warm_iterations, seed)
    items, parts = night.confidence.shape[1], [night.confidence[night.branch == b] for b in range(len(BRANCHES))]

    def made(matrix: "csr_matrix") -> np.ndarray:
        return factorise(matrix, start(items, shape), shape.iterations, shape.reg, threads=2)[1]

    def shared(matrices: "list[csr_matrix]") -> np.ndarray:
        branches = [Branch({"night": matrix}, shape.reg, threads=2) for matrix in matrices]
        return fit(together(branches), ["night"], items, shape)["night"]

    found = {"pooled": [made(night.confidence)], "federated": [shared(parts)]}
    found["alone"] = [made(part) for part in parts]
    for least in fewest:
        found[f"federated, {least} buyers"] = [shared([often_enough(part, least) for part in parts])]
    return found


def measure(night: Night, found: Mapping[str, list[np.ndarray]], reg: float) -> tuple[Values, Values]:
    """NDCG@10 of every way, of all items and of new ones."""
    both: tuple[Values, Values] = ({}, {})
    for way, each in found.items():
        judged = [night.judge(one, reg) for one in each]
        own = night.branch[night.judged] if len(each) > 1 else np.zeros(len(night.judged), dtype=int)
        for values, column in zip(both, zip(*judged, strict=True), strict=True):
            values[way] = np.stack(column)[own, np.arange(len(own))]
    return both


def summary(found: list[tuple[Night, Values]], branch: int | None) -> dict[str, Any]:
    """Mean of each way over nights, and differences to "federated" with intervals, of one branch's customers or all."""
    ways, users, values = list(found[0][1]), [], []
    for night, measured in found:
        counts = ~np.isnan(measured["pooled"])
        counts &= True if branch is None else night.branch[night.judged] == branch
        users.append([one for one, kept in zip(night.users, counts, strict=True) if kept])
        values.append({way: measured[way][counts] for way in ways})
    mean = {way: float(np.mean([night[way].mean() for night in values])) for way in ways}
    less = {}
    for way in ways:
        if way != "federated":
            low, high = scoring.pooled_interval(users, [night["federated"] - night[way] for night in values])
            less[way] = [mean["federated"] - mean[way], low, high]
    sizes = {"lists": sum(map(len, users)), "customers": len({one for names in users for one in names})}
    return sizes | {"ndcg": mean, "federated less": less}


def show(name: str, protocol: str, row: Mapping[str, Any]) -> None:
    """Print one branch's figures."""
    means = row["ndcg"]
    cells = "  ".join(f"{way} {value:.4f} ({value / means['pooled']:.1%})" for way, value in means.items())
    print(f"{name}, {protocol}: {row['lists']} lists of {row['customers']} customers: {cells}")
    for way, (mean, low, high) in row["federated less"].items():
        print(f"    federated less {way}: {mean:+.4f} [{low:+.4f}, {high:+.4f}]")


def main() -> None:
    """Make the nights that are not there, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("nights", nargs="+", type=date.fromisoformat)
    parser.add_argument("--config", type=Path, help="default: NIGHTJAR_CONFIG, else the example shop")
    parser.add_argument("--home", type=Path, help="default: NIGHTJAR_HOME, else .nightjar")
    parser.add_argument("--fewest", type=int, nargs="*", default=[2], help="customers of an item, per branch")
    chosen = parser.parse_args()
    if max(chosen.nights) > LAST:
        parser.error(f"nights after {LAST} are held out")
    settings = nights.settings_of(chosen)
    section = section_of(settings)
    chosen.out.mkdir(parents=True, exist_ok=True)
    kept: tuple[list[tuple[Night, Values]], ...] = ([], [])
    for day in chosen.nights:
        night = Night.of(settings, day)
        found = factors(night, section, settings.seed, tuple(chosen.fewest))
        apart = np.abs(found["federated"][0] - found["pooled"][0]).max() / np.abs(found["pooled"][0]).max()
        sizes = np.bincount(night.branch, minlength=len(BRANCHES)).tolist()
        print(f"\n{day}: customers {sizes}; federated and pooled factors differ by at most {apart:.1e}", flush=True)
        for values, measured in zip(kept, measure(night, found, section.reg), strict=True):
            values.append((night, measured))
        rows: dict[str, dict[str, Any]] = {}
        for number, name in enumerate([*BRANCHES, "everybody"]):
            for protocol, values in zip(("all", "new"), kept, strict=True):
                row = summary(values, number if number < len(BRANCHES) else None)
                show(name, protocol, row)
                rows.setdefault(name, {})[protocol] = row
        (chosen.out / "federated.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
