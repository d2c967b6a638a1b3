"""docker/airflow-values.yaml against the image, the compose file and the code; the chart itself is not here."""

from collections.abc import Iterator
from typing import Any

from tests.docker.files import KUBERNETES, KUBERNETES_TEXT, ROOT, SERVICES, image_environment, pins

WORKER = KUBERNETES["workers"]["celery"]


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value that is neither a mapping nor a list, with the keys that lead to it."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from leaves(below, (*path, key))
    elif isinstance(value, list):
        for below in value:
            yield from leaves(below, path)
    else:
        yield path, value


def mounts(section: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    """By folder: the claim that is mounted there, and whether for reading alone."""
    claims = {volume["name"]: volume["persistentVolumeClaim"]["claimName"] for volume in section["extraVolumes"]}
    found = section["extraVolumeMounts"]
    return {mount["mountPath"]: (claims[mount["name"]], mount.get("readOnly", False)) for mount in found}


def test_it_is_of_the_airflow_that_the_image_is_of() -> None:
    assert KUBERNETES["airflowVersion"] == pins(ROOT / "requirements.txt")["apache-airflow"]
    assert KUBERNETES["executor"] == "CeleryExecutor"  # whose provider the image has
    config = KUBERNETES["config"]["core"]
    assert config["dags_folder"] == image_environment()["AIRFLOW__CORE__DAGS_FOLDER"]
    assert config["auth_manager"].endswith(".SimpleAuthManager")


def test_it_has_no_credential() -> None:
    for path, value in leaves(KUBERNETES):
        if any(word in path[-1].lower() for word in ("password", "secret", "fernet", "connection", "brokerurl")):
            assert str(value).startswith("nightjar"), path  # the name of a Secret
    taken = [entry for section in (WORKER, KUBERNETES["apiServer"]) for entry in section["env"]]
    for entry in taken:
        is_plain = entry["name"] in {"HF_HOME", "NIGHTJAR_CACHE"}
        assert is_plain == ("value" in entry), entry["name"]
    assert KUBERNETES["createUserJob"] == KUBERNETES["postgresql"] == {"enabled": False}  # each has a known password
    for name in ("nightjar", "nightjar-broker", "nightjar-worker"):
        assert f"#   Secret {name} " in KUBERNETES_TEXT


def test_the_home_the_shop_and_the_queues_are_those_of_compose() -> None:
    home, shop = image_environment()["NIGHTJAR_HOME"], "/opt/shop"
    assert mounts(WORKER) == {home: ("nightjar-home", False), shop: ("nightjar-shop", True)}
    assert mounts(KUBERNETES["dagProcessor"]) == {shop: ("nightjar-shop", True)}
    assert mounts(KUBERNETES["apiServer"]) == {home: ("nightjar-home", True)}
    config = SERVICES["cpu-worker"]["environment"]["NIGHTJAR_CONFIG"]
    assert KUBERNETES["env"] == [{"name": "NIGHTJAR_CONFIG", "value": config}]
    assert WORKER["queue"] == "default,gpu"
    assert SERVICES["init"]["command"][-1] == KUBERNETES["migrateDatabaseJob"]["args"][-1]
    assert SERVICES["api-server"]["command"][-1].replace("$$", "$") == KUBERNETES["apiServer"]["args"][-1]


def test_nothing_runs_as_root_and_everything_has_a_limit() -> None:
    assert KUBERNETES["securityContexts"]["pod"]["runAsNonRoot"] is True
    assert KUBERNETES["redis"]["securityContexts"]["pod"]["runAsNonRoot"] is True
    sections = [KUBERNETES[name] for name in ("apiServer", "scheduler", "dagProcessor", "triggerer", "redis")]
    assert all(section["resources"]["limits"]["memory"] for section in (*sections, WORKER))
