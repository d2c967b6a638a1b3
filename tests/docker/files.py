"""What the files of docker/ say, read for the tests."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
SECRETS = {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "API_SECRET_KEY", "JWT_SECRET", "ADMIN_PASSWORD", "FERNET_KEY"}
SECRETS |= {"SPARK_SECRET", "STORE_SECRET_KEY"}
# Variables of the images we build on, not of Airflow's configuration or ours.
FOREIGN = {
    "PYTHONPATH",
    "DUMB_INIT_SETSID",
    "HF_HOME",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "ADMIN_PASSWORD",
    "REDISCLI_AUTH",
} | {f"POSTGRES_{name}" for name in ("USER", "DB", "PASSWORD", "INITDB_ARGS")}
FOREIGN |= {f"SPARK_{name}" for name in ("LOCAL_DIRS", "CORES", "MEMORY")}
INFRASTRUCTURE = {"postgres", "redis"}
SPARK = {"spark-master", "spark-worker"}


def instructions(file: Path) -> list[tuple[str, str]]:
    """A Dockerfile's instructions and their arguments, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", file.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in text.splitlines() if line.strip()]


DOCKERFILE = instructions(DOCKER / "Dockerfile")
COMPOSE_TEXT = (DOCKER / "compose.yaml").read_text()
COMPOSE = yaml.safe_load(COMPOSE_TEXT)
S3_TEXT = (DOCKER / "s3.yaml").read_text()
S3 = yaml.safe_load(S3_TEXT)
KUBERNETES_TEXT = (DOCKER / "airflow-values.yaml").read_text()
KUBERNETES = yaml.safe_load(KUBERNETES_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if name not in INFRASTRUCTURE | SPARK}
SERVING = {name: service for name, service in SERVICES.items() if name != "init"}


def pins(file: Path) -> dict[str, str]:
    """Package and version of every pinned line."""
    found = re.findall(r"^([A-Za-z0-9_.-]+)(?:\[\w+\])?==(\S+)$", file.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


def example() -> dict[str, str]:
    """The variables of .env.example."""
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", (DOCKER / ".env.example").read_text(), flags=re.MULTILINE))


def interpolated(text: str) -> str:
    """Text of compose.yaml with the defaults in place of its variables."""
    return re.sub(r"\$\{\w+:[-?]([^}]*)\}", r"\1", text).replace("$$", "$")


def image_environment() -> dict[str, str]:
    assignments = [word for kind, text in DOCKERFILE if kind == "ENV" for word in shlex.split(text)]
    return dict(word.split("=", 1) for word in assignments)


def environment() -> set[str]:
    """Every variable that the image or a service sets."""
    return set(image_environment()).union(*(service.get("environment", {}) for service in SERVICES.values()))


def shell_lines(words: list[str]) -> Iterator[list[str]]:
    """The commands of an exec-form command, also those inside a `bash -ec` or CMD-SHELL script."""
    if words[0] in {"CMD", "CMD-SHELL"}:
        words = words[1:] if words[0] == "CMD" else ["sh", "-c", words[1]]
    if words[0] not in {"sh", "bash"}:
        yield words
        return
    for line in filter(str.strip, re.split(r"&&|\n|\|\|?", words[-1])):
        yield [word for word in shlex.split(line) if word != "exec"]


def commands() -> list[list[str]]:
    """Every command of our own services and their health checks."""
    found: list[list[str]] = []
    for service in OURS.values():
        # the image's entrypoint puts `airflow` before anything but airflow, bash and python
        words = [interpolated(word) for word in service["command"]]
        found += shell_lines(words if words[0] in {"airflow", "bash", "python"} else ["airflow", *words])
        if "healthcheck" in service:
            found += shell_lines([interpolated(word) for word in service["healthcheck"]["test"]])
    return found
