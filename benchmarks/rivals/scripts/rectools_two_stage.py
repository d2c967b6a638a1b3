"""RecTools' two-stage pipeline: candidates of several models, re-ranked by LightGBM's LambdaRank.

The re-ranker learns from the last `test_days` before the night (RecTools' one fold), on every candidate's ranks and
scores and on hand-made features of the pair, the item and the user, in the manner of RecTools' own tutorial.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from common import DEPTH, Log, Settings, main, rows_of
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import BM25Recommender
from lightgbm import LGBMRanker
from rectools import Columns
from rectools.dataset import Dataset
from rectools.model_selection import TimeRangeSplitter
from rectools.models import ImplicitALSWrapperModel, ImplicitItemKNNWrapperModel, PopularModel
from rectools.models.ranking import (
    CandidateFeatureCollector,
    CandidateGenerator,
    CandidateRankingModel,
    Reranker,
)
from rectools.models.ranking.candidate_ranking import NegativeSamplerBase

AGES = (7, 28, 91, 365)


class Ranker(Reranker):
    """LightGBM wants the candidates of a user together, and how many there are."""

    def prepare_fit_kwargs(self, candidates_with_target: pd.DataFrame) -> dict:
        ordered = candidates_with_target.sort_values(Columns.User, kind="stable")
        return super().prepare_fit_kwargs(ordered) | {"group": ordered.groupby(Columns.User).size().to_numpy()}


class All(NegativeSamplerBase):
    """Every candidate is learned from."""

    def sample_negatives(self, train: pd.DataFrame) -> pd.DataFrame:
        return train


class Features(CandidateFeatureCollector):
    """Counts and ages of the pair, the item and the user as of the data set's last day."""

    def _log(self, dataset: Dataset) -> pd.DataFrame:
        rows = dataset.get_raw_interactions()
        return rows.assign(age=(rows[Columns.Datetime].max() - rows[Columns.Datetime]).dt.days)

    def _counts(self, dataset: Dataset, by: list[str], name: str) -> pd.DataFrame:
        rows = self._log(dataset)
        parts = {f"{name}_{d}": rows["age"].lt(d) for d in AGES}
        parts |= {f"{name}_decayed_{h}": 0.5 ** (rows["age"] / h) for h in (30, 90, 365)}
        keys = [rows[k] for k in by]
        found = pd.DataFrame(parts).groupby(keys).sum().astype(np.float32)
        ages = rows["age"].groupby(keys).agg(["min", "max"]).add_prefix(f"{name}_age_")
        return found.join(ages).reset_index()

    def _get_user_features(self, users, dataset, fold_info) -> pd.DataFrame:
        return self._counts(dataset, [Columns.User], "user")

    def _get_item_features(self, items, dataset, fold_info) -> pd.DataFrame:
        return self._counts(dataset, [Columns.Item], "item")

    def _get_user_item_features(self, useritem, dataset, fold_info) -> pd.DataFrame:
        return self._counts(dataset, Columns.UserItem, "pair")


def generators(settings: Settings) -> list[CandidateGenerator]:
    def als(factors: int) -> ImplicitALSWrapperModel:
        library = AlternatingLeastSquares(
            factors=factors, regularization=settings["reg"], alpha=settings["alpha"], random_state=42
        )
        return ImplicitALSWrapperModel(library)

    models = [
        als(settings["factors"]),
        ImplicitItemKNNWrapperModel(BM25Recommender(K=settings["neighbours"], K1=settings["k1"], B=settings["b"])),
        PopularModel(popularity="n_users", period=pd.Timedelta(days=28)),
    ]
    fill = {"scores_fillna_value": -1.0, "ranks_fillna_value": settings["candidates"] + 1}
    return [CandidateGenerator(m, settings["candidates"], keep_ranks=True, keep_scores=True, **fill) for m in models]


def recommend(log: Log, protocols: dict[str, Settings]) -> Iterator[tuple[str, np.ndarray]]:
    for protocol, settings in protocols.items():
        # one row per pair and day: the features count days, the models sum their weights
        rows = pd.DataFrame(
            {
                "user_id": log.users[log.user],
                "item_id": log.items[log.item],
                "datetime": log.time.dt.normalize(),
                "weight": log.weight * 0.5 ** (log.age / settings["half_life_days"]) + settings["floor"],
            }
        ).drop_duplicates(["user_id", "item_id", "datetime"])
        data = Dataset.construct(rows)
        model = CandidateRankingModel(
            generators(settings),
            TimeRangeSplitter(f"{settings['test_days']}D", n_splits=1, filter_already_seen=protocol == "new"),
            Ranker(
                LGBMRanker(
                    n_estimators=settings["trees"],
                    num_leaves=settings["leaves"],
                    learning_rate=settings["learning_rate"],
                    min_child_samples=50,
                    random_state=42,
                    deterministic=True,
                    force_row_wise=True,
                    n_jobs=2,
                    verbose=-1,
                )
            ),
            sampler=All(),
            feature_collector=Features(),
        ).fit(data)
        found = model.recommend(
            log.users, data, k=DEPTH, filter_viewed=protocol == "new", force_fit_candidate_generators=True
        )
        yield protocol, rows_of(log, found.groupby("user_id", sort=False)["item_id"].agg(list).to_dict())


if __name__ == "__main__":
    main(recommend)
