"""What a task's log may show: where an error lies, and nothing of what the worker's files hold."""

import contextlib
from collections.abc import Iterator

from pipeline.ground.errors import PipelineError

HINT = "what stands there is shown at the command line"


@contextlib.contextmanager
def kept_back() -> Iterator[None]:
    """Raise errors without what they quote, and without the errors of libraries that they were made from.

    Raises:
        PipelineError: of the same class, with its message alone.
        RuntimeError: instead of an error of DuckDB that nobody foresaw, which may quote a row: its kind and place.
    """
    try:
        yield
    except PipelineError as error:
        said = error.said if str(error) == error.said else f"{error.said} ({HINT})"
        raise type(error)(said).with_traceback(error.__traceback__) from None
    except Exception as error:
        import duckdb

        from pipeline.ground import places

        if not isinstance(error, duckdb.Error):
            raise
        said = f"DuckDB: {places.of_sql(error)} ({HINT})"
        raise RuntimeError(said).with_traceback(error.__traceback__) from None
