"""RecTools' SASRec (Kang & McAuley, ICDM 2018) on each user's sequence of actions; one model for both protocols."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from common import DEPTH, Log, Settings, main, rows_of
from lightning_fabric import seed_everything
from pytorch_lightning import Trainer
from rectools.dataset import Dataset
from rectools.models import SASRecModel


def recommend(log: Log, protocols: dict[str, Settings]) -> Iterator[tuple[str, np.ndarray]]:
    settings = protocols["all"]
    seed_everything(42)
    torch.set_num_threads(2)
    recent = log.age < settings["days"]
    frame = pd.DataFrame({"user_id": log.users[log.user], "item_id": log.items[log.item], "datetime": log.time})[recent]
    data = Dataset.construct(frame.assign(weight=1.0).drop_duplicates())

    def trainer() -> Trainer:
        return Trainer(
            max_epochs=settings["epochs"], accelerator="cpu", logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False, deterministic=True,
        )  # fmt: skip

    model = SASRecModel(
        n_blocks=settings["blocks"],
        n_heads=settings["heads"],
        n_factors=settings["factors"],
        session_max_len=settings["length"],
        lr=settings["learning_rate"],
        batch_size=settings["batch"],
        loss="sampled_softmax",
        n_negatives=settings["negatives"],
        dropout_rate=settings["dropout"],
        get_trainer_func=trainer,
    ).fit(data)
    for protocol in protocols:
        users = frame["user_id"].unique()
        found = model.recommend(users, data, k=DEPTH, filter_viewed=protocol == "new", on_unsupported_targets="ignore")
        yield protocol, rows_of(log, found.groupby("user_id", sort=False)["item_id"].agg(list).to_dict())


if __name__ == "__main__":
    main(recommend)
