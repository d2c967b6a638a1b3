"""No secret of docker/ has a default, and each goes only where it is needed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docker.files import COMPOSE_TEXT, DOCKER, S3_TEXT, SECRETS, SERVICES, example


def test_no_secret_has_a_default() -> None:
    code = re.sub(r"#.*", "", COMPOSE_TEXT + S3_TEXT)
    uses = re.findall(r"\$\{(\w+)(:[-?])?", code)
    assert {how for name, how in uses if name in SECRETS | {"SHOP"}} == {":?"}
    assert {how for name, how in uses if name not in SECRETS | {"SHOP"}} == {":-"}
    assert {name for name, _ in uses} | {"COMPOSE_PROFILES"} == set(example())
    assert {name for name in SECRETS if example()[name]} == set()
    assert not re.search(r"(?i)(password|secret|secret_key|fernet_key|secret_access_key): +['\"]?[^$\s'\"]", code)


def test_secrets_that_sign_stay_away_from_the_tasks() -> None:
    for name in ("cpu-worker", "gpu-worker"):
        assert not {"AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__CORE__FERNET_KEY"} & set(SERVICES[name]["environment"])


def test_only_the_worker_that_needs_them_has_the_secrets_of_the_tables_and_of_the_people() -> None:
    holders = {
        name: sorted(service for service in SERVICES if name in SERVICES[service].get("environment", {}))
        for name in (
            "NIGHTJAR_DSN",
            "NIGHTJAR_PSEUDONYM_KEY",
            "NIGHTJAR_NOISE_KEY",
            "ADMIN_PASSWORD",
            "REDISCLI_AUTH",
            "NIGHTJAR_SPARK_SECRET",
        )
    }
    assert holders == {
        "NIGHTJAR_DSN": ["cpu-worker"],
        "NIGHTJAR_PSEUDONYM_KEY": ["cpu-worker"],
        "NIGHTJAR_NOISE_KEY": ["cpu-worker"],
        "ADMIN_PASSWORD": ["api-server"],
        "REDISCLI_AUTH": ["redis"],
        "NIGHTJAR_SPARK_SECRET": ["cpu-worker", "spark-master", "spark-worker"],
    }


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the secrets")
def test_init_env_fills_every_secret_once(tmp_path: Path) -> None:
    for name in ("init-env", ".env.example"):
        shutil.copy(DOCKER / name, tmp_path / name)
    subprocess.run([tmp_path / "init-env"], check=True, capture_output=True)
    written = (tmp_path / ".env").read_text()
    values = dict(re.findall(r"^([A-Z_]+)=(.*)$", written, flags=re.MULTILINE))
    assert len({values[name] for name in SECRETS}) == len(SECRETS)
    assert all(len(values[name]) >= 44 and re.fullmatch(r"[\w=-]+", values[name]) for name in SECRETS)
    assert {name for name, value in values.items() if value != example()[name]} == SECRETS
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
    again = subprocess.run([tmp_path / "init-env"], capture_output=True, check=False)
    assert again.returncode == 1
    assert (tmp_path / ".env").read_text() == written
