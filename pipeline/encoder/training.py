"""The fine-tuning of the encoder: the learner, what watches it, and what comes out."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipeline.encoder import curve as curves
from pipeline.encoder import distributed, hooks, loop, modes
from pipeline.encoder.checkpoints import Checkpoint
from pipeline.encoder.encoder import Encoder
from pipeline.encoder.held_out import HeldOut
from pipeline.encoder.learner import EncoderLearner
from pipeline.encoder.loop import Curve, Ended, Hook, Plan
from pipeline.encoder.trackers import Tracker
from pipeline.encoder.training_data import TaskData
from pipeline.settings.sections.fine_tune import FineTune

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

log = logging.getLogger(__name__)


def train(
    encoder: Encoder,
    texts: Sequence[str],
    matrix: "csr_matrix",
    section: FineTune,
    seed: int,
    *,
    threads: int = 1,
    checkpoint: Checkpoint | None = None,
    task_data: TaskData | None = None,
    held_out: HeldOut | None = None,
    tracker: Tracker | None = None,
) -> tuple[Encoder, Curve, dict[str, Any]]:
    """Fine-tune an encoder.

    Args:
        encoder: what is tuned, in place; use the one that is returned.
        texts: [I] item texts; items without one take no part.
        matrix: [U, I] decayed actions.
        section: steps, batch, rates.
        seed: of the sampling.
        threads: CPU threads of what is not torch's.
        checkpoint: goes on from it, and saves to it every `checkpoint_minutes`.
        task_data: what tasks beside retrieval learn from.
        held_out: what the encoder is judged on after every epoch.
        tracker: is told every row of the curve.
    Returns:
        The tuned encoder, the curve (one row per step, curve.METRICS) and a summary.
    Raises:
        TrainingError: a loss is not finite.
    """
    known = {"texts": len({text for text in texts if text.strip()})}
    learner = EncoderLearner(encoder, texts, matrix, section, seed, threads=threads, task_data=task_data)
    if not learner.batches.can_learn or section.steps == 0:
        log.warning("fine_tune: nothing to learn from; the encoder stays as it came")
        return modes.finish(learner.encoder, section), [], known | Ended([]).summary()
    ended = _train(learner, checkpoint, held_out, tracker)
    summary = known | ended.summary() | _judged(ended.curve, held_out)
    return modes.finish(learner.encoder, section), ended.curve, summary


def _train(
    learner: EncoderLearner, checkpoint: Checkpoint | None, held_out: HeldOut | None, tracker: Tracker | None
) -> Ended:
    """The loop, watched and saved by the first process."""
    section = learner.section
    done, curve = learner.start(checkpoint)
    plan = Plan("fine_tune", "vectors", section.steps, learner.rate, section.time_limit_minutes)
    if distributed.rank():
        return loop.train(learner, plan, done=done, curve=curve)
    watching = _watching(learner, held_out, tracker)
    if held_out and section.epochs and not done:
        curve.append({"step": 0})
        for hook in watching:
            hook(curve)
    with hooks.progress(plan, done) as progress:
        return loop.train(learner, plan, [*watching, *_saving(learner, checkpoint), progress], done=done, curve=curve)


def _watching(learner: EncoderLearner, held_out: HeldOut | None, tracker: Tracker | None) -> list[Hook]:
    section, found = learner.section, []
    if held_out is not None and section.epochs:
        ends = hooks.epoch_ends(section.steps, section.epochs)
        found.append(hooks.judging(lambda: learner.judge(held_out), ends))
    return [*found, hooks.tracking(tracker)] if tracker is not None else found


def _saving(learner: EncoderLearner, checkpoint: Checkpoint | None) -> list[Hook]:
    if checkpoint is None:
        return []

    def save(step: int, curve: Curve) -> None:
        checkpoint.save(step, curve, learner.parameters, learner.optimizer, learner.batches.rng)

    return [hooks.saving(save, learner.section.checkpoint_minutes)]


def _judged(curve: Curve, held_out: HeldOut | None) -> dict[str, Any]:
    """What the last epoch ended with, if there was one; all of them are logged."""
    if not (epochs := curves.epochs_of(curve)):
        return {}
    users = held_out.profiles.shape[0] if held_out is not None else 0
    log.info("fine_tune: judged on what %d users did next\n%s", users, curves.table(epochs))
    return {name: epochs[-1][name] for name in ("dev_ndcg_10", "test_ndcg_10", "test_recall_50", "test_f1")}
