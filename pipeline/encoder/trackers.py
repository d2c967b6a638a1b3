"""Where a training's curve is shown beside its own metrics.parquet: TensorBoard, Weights & Biases, MLflow.

All of them write below NIGHTJAR_HOME without asking anybody over the network: W&B in its offline mode and MLflow into
its SQLite file, unless WANDB_MODE or MLFLOW_TRACKING_URI says otherwise. Nothing of theirs is part of an artifact.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from pipeline.ground.errors import InputError

PROJECT = "nightjar"


class Tracker(Protocol):
    """Takes the numbers of a step."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers by name."""

    def close(self) -> None:
        """Nothing follows."""


class Several:
    """Every configured tracker at once.

    Args:
        names: "tensorboard", "wandb", "mlflow".
        home: NIGHTJAR_HOME.
        run: name of the training, the same when it goes on.
        settings: what it was configured with.
    """

    def __init__(self, names: tuple[str, ...], home: Path, run: str, settings: Mapping[str, Any]) -> None:
        self.trackers: list[Tracker] = [_OPEN[name](home, run, settings) for name in names]

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """To all of them."""
        for tracker in self.trackers:
            tracker.log(step, values)

    def close(self) -> None:
        """All of them."""
        for tracker in self.trackers:
            tracker.close()


class TensorBoard:
    """HOME/tensorboard/RUN: `tensorboard --logdir HOME/tensorboard`."""

    def __init__(self, home: Path, run: str, settings: Mapping[str, Any]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(home / "tensorboard" / run))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """As scalars."""
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Flush."""
        self.writer.close()


class WeightsAndBiases:
    """HOME/wandb; `wandb sync` sends it later."""

    def __init__(self, home: Path, run: str, settings: Mapping[str, Any]) -> None:
        wandb = _module("wandb")
        home.mkdir(parents=True, exist_ok=True)
        mode = os.environ.get("WANDB_MODE", "offline")
        self.run = wandb.init(project=PROJECT, name=run, dir=str(home), config=dict(settings), mode=mode)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """As one row."""
        self.run.log(dict(values), step=step)

    def close(self) -> None:
        """End the run."""
        self.run.finish()


class MlFlow:
    """HOME/mlflow.db: `mlflow ui --backend-store-uri sqlite:///HOME/mlflow.db`."""

    def __init__(self, home: Path, run: str, settings: Mapping[str, Any]) -> None:
        mlflow = _module("mlflow")
        home.mkdir(parents=True, exist_ok=True)
        uri = os.environ.get("MLFLOW_TRACKING_URI", f"sqlite:///{home.resolve() / 'mlflow.db'}")
        self.client = mlflow.MlflowClient(tracking_uri=uri)
        known = self.client.get_experiment_by_name(PROJECT)
        experiment = known.experiment_id if known else self.client.create_experiment(PROJECT)
        self.run_id = self.client.create_run(experiment, run_name=run).info.run_id
        for name, value in settings.items():
            self.client.log_param(self.run_id, name, value)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Metric by metric."""
        for name, value in values.items():
            self.client.log_metric(self.run_id, name, value, step=step)

    def close(self) -> None:
        """End the run."""
        self.client.set_terminated(self.run_id)


def _module(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        raise InputError(f"fine_tune.track names '{name}', which is not installed: pip install {name}") from None


_OPEN: dict[str, Any] = {"tensorboard": TensorBoard, "wandb": WeightsAndBiases, "mlflow": MlFlow}
