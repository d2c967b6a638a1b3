"""Everything the pipeline raises on purpose. The message names the file and the remedy."""

from pipeline.ground.terminal import shown


class PipelineError(Exception):
    """Base of all errors a user can act on; the command line prints its message without a traceback.

    Attributes:
        said: the message without what it quotes from a file: who may read a task's log need not be allowed to read
            the files and the environment of the worker.
        found: where checks found it, how many offences each of them, by its name.
    Neither holds a character that would steer a terminal, whatever it quotes.
    """

    def __init__(self, said: str = "", content: str = "") -> None:
        """A message, and behind it what a file says, which only the command line shows."""
        super().__init__(shown(f"{said}: {content}" if content else said))
        self.said = shown(said)
        self.found: dict[str, int] = {}


class InputError(PipelineError):
    """The configuration, a log file or an upstream artifact is not what its contract says."""


class TrainingError(PipelineError):
    """A model could not be fitted: a loss or a factor is not finite, or there is nothing to learn from."""


class GateError(PipelineError):
    """Tonight's table is significantly worse than the one in use, or fails a check; the old table stays."""


class PublishError(PipelineError):
    """The tables could not be published; the active run is unchanged."""


class UnavailableError(PublishError):
    """The database of the tables does not answer or the connection broke; trying again later may help."""


class LateError(PipelineError):
    """The tables are not valid by the time by which they were to be."""


class ResourceError(PipelineError):
    """The machine refused: the disk is full, the lake cannot be written, memory is too small."""


class StoreError(ResourceError):
    """The object store refused or did not answer, or what it holds is damaged."""
