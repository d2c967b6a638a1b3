"""That all ids of a history are plain, or pseudonyms of one key."""

import contextlib
from collections.abc import Iterator
from datetime import date

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.privacy import pseudonyms
from pipeline.settings.config import Config

# Below <lake>/ingest: a hash of the key that made the pseudonyms there; absent where ids are plain.
KEY_CHECK = "pseudonyms.txt"


@contextlib.contextmanager
def one_key(config: Config, last: date, continues: bool) -> Iterator[None]:
    """Refuse to mix plain ids and pseudonyms, or pseudonyms of two keys, in one history; remember the key used.

    Args:
        config: whether ids become pseudonyms.
        last: the last night that is about to be written.
        continues: whether earlier nights stay as they are; if not, all up to `last` are written anew.
    """
    mark = config.lake / "ingest" / KEY_CHECK
    ours = pseudonyms.key().derive("check").hash("") if config.ingest.pseudonyms else ""
    theirs = mark.read_text(encoding="ascii") if mark.is_file() else ""
    newer = [f for f in artifacts.partitions_until(config.lake, "ingest", date.max) if artifacts.run_date_of(f) > last]
    if ours != theirs and (continues or newer):
        until = max(map(artifacts.run_date_of, newer), default=last)
        raise InputError(
            f"{config.lake / 'ingest'} was loaded with another {'key' if ours and theirs else 'ingest.pseudonyms'}"
            f": set it back, or load all of it again (load-history --until {until} --force)"
        )
    yield
    if ours != theirs:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(ours, encoding="ascii")
