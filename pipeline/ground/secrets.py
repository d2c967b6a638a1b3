"""Text that goes to where it is not known who reads it, without what is secret."""

import os
import re

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
