"""Text that goes to where it is not known who reads it, without what is secret."""

import os
import re
from urllib.parse import unquote, urlsplit

MAX_CHARACTERS = 1500
SECRET_NAME = re.compile(r"DSN|PASSWORD|SECRET|TOKEN|KEY|AIRFLOW_CONN_|SQL_ALCHEMY_CONN|NOTIFIER")


def without_secrets(text: str) -> str:
    """Text in which neither a secret of the environment nor a URL's password is left, cut to a readable length."""
    for name, value in os.environ.items():
        if len(value) >= 6 and SECRET_NAME.search(name.upper()):
            text = text.replace(value, "***")
    text = re.sub(r"://[^\s/@]*@", "://***@", text)
    text = re.sub(r"(?i)\b(password|passwd|pwd|secret|token)\s*[=:]\s*\S+", r"\1=***", text)
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]} ..."


def redacted(message: str, url: str) -> str:
    """What a driver or client says, on one line, in which nothing of a connection is left that could be secret.

    Args:
        message: what it says.
        url: where it leads, as a URL or in libpq's words.
    """
    for text in sorted(_secret(url), key=len, reverse=True):
        message = message.replace(text, "***")
    return " ".join(re.sub(r"://[^/\s@]*@", "://***@", message).split())


def _secret(url: str) -> set[str]:
    """The connection itself and what in it is secret, each as it is written and as it is meant."""
    written = {url, *re.findall(r"password\s*=\s*'?([^'\s&]+)", url), *re.findall(r"://[^/\s:]*:([^/\s@]+)@", url)}
    try:
        parts = urlsplit(url) if "://" in url else None
    except ValueError:
        parts = None
    if parts is not None:
        # a name without a password may be a token
        written |= {parts.netloc if "@" in parts.netloc else "", parts.password or parts.username or "", parts.query}
    return {one for text in written if text for one in (text, unquote(text))}
