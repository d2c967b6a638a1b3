"""Where a copy's server is: the environment says it alone, and no message shows it."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pipeline.ground import secrets
from pipeline.ground.errors import InputError, PublishError, UnavailableError

PREFIX = "NIGHTJAR_CONNECTION_"


@dataclass(frozen=True)
class Server:
    """A server that is named in the configuration.

    Attributes:
        name: as there.
        url: with what is secret; never shown.
    """

    name: str
    url: str = field(repr=False)

    def redacted(self, message: str) -> str:
        """What a client says, on one line, in which nothing of the URL is left that could be secret."""
        return secrets.redacted(message, self.url)[:500]

    @contextlib.contextmanager
    def translated(
        self,
        errors: tuple[type[Exception], ...],
        passes: Callable[[Exception], bool],
        said: Callable[[Exception], str] = str,
    ) -> Iterator[None]:
        """Turn a client's errors into ours, which do not repeat the connection and are not chained to them.

        Args:
            errors: what the client raises.
            passes: whether trying again later may help.
            said: what of an error may be repeated, which must not be a row.
        Raises:
            UnavailableError, PublishError: what they become.
        """
        try:
            yield
        except errors as error:
            what = f"{type(error).__name__}: {self.redacted(said(error))}"
            if passes(error):
                raise UnavailableError(f"connection '{self.name}' does not answer ({what})") from None
            raise PublishError(f"connection '{self.name}' refuses ({what})") from None


def from_environment(name: str, schemes: Sequence[str], environment: Mapping[str, str] = os.environ) -> Server:
    """The server of a connection's name.

    Args:
        name: as the configuration has it.
        schemes: what its URL may begin with.
        environment: where it is looked for.
    Raises:
        InputError: the environment does not have it, or it is none of these URLs; its value is not repeated.
    """
    variable = f"{PREFIX}{name.upper()}"
    url = environment.get(variable, "")
    known = " or ".join(f"{scheme}://..." for scheme in schemes)
    if not url:
        raise InputError(f"connection '{name}' is not known: set {variable} to its URL, {known}")
    try:
        plausible = urlsplit(url).scheme.lower() in schemes and "://" in url and urlsplit(url).port is not False
    except ValueError:
        plausible = False
    if not plausible:
        raise InputError(
            f"{variable} is no URL that can be read (it is not shown, for it may hold a password): write {known}"
        )
    return Server(name, url)
