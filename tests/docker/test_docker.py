"""docker/ against the code: what the image and compose.yaml name exists."""

import ast
import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path, PurePosixPath

import pytest

from pipeline.commands.command_line import parser
from pipeline.sources.configuration import FullConfig
from tests.docker.files import (
    COMPOSE,
    DOCKER,
    DOCKERFILE,
    FOREIGN,
    INFRASTRUCTURE,
    OURS,
    ROOT,
    S3,
    SERVICES,
    SERVING,
    SPARK,
    commands,
    environment,
    example,
    image_environment,
    interpolated,
    pins,
)

ASK_AIRFLOW = """
import contextlib, io, json, sys
from airflow.cli.cli_parser import get_parser
from airflow.configuration import conf

def parses(arguments):
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            get_parser().parse_args(arguments)
    except SystemExit:
        return False
    return True

def described(section, option):
    options = conf.configuration_description.get(section, {"options": {}})["options"]
    return option in options or conf.has_option(section, option)  # the second knows the Celery provider's

asked = json.load(sys.stdin)
print(json.dumps({
    "commands": [parses(command) for command in asked["commands"]],
    "options": [described(section, option) for section, option in asked["options"]],
}))
"""


def dag_constants(name: str) -> set[str]:
    """The values that the DAG files give to an argument of their tasks."""
    trees = [ast.parse(file.read_text()) for file in (ROOT / "dags").glob("*.py")]
    keywords = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.keyword)]
    return {str(k.value.value) for k in keywords if k.arg == name and isinstance(k.value, ast.Constant)}


def queues(service: str) -> set[str]:
    words = [interpolated(word) for word in SERVICES[service]["command"]]
    return set(words[words.index("--queues") + 1].split(","))


def test_the_image_is_of_the_pinned_airflow_on_a_python_the_project_supports() -> None:
    assert dict(DOCKERFILE)["FROM"] == "${AIRFLOW_IMAGE}"
    image = example()["AIRFLOW_IMAGE"]
    assert ("ARG", f"AIRFLOW_IMAGE={image}") in DOCKERFILE
    found = re.fullmatch(r"apache/airflow:slim-([\d.]+)-python(\d+)\.(\d+)", image)
    assert found is not None, image
    assert found[1] == pins(ROOT / "requirements.txt")["apache-airflow"]
    minimum = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert f">={found[2]}.{found[3]}" >= minimum


def test_every_pin_is_the_constraints_pin() -> None:
    constraints = pins(ROOT / "constraints.txt")
    for file in (ROOT / "requirements.txt", DOCKER / "requirements.txt", DOCKER / "spark-requirements.txt"):
        wanted = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
        assert len(pins(file)) == len(wanted), f"{file} has a line that is not name==version"
        assert pins(file).items() <= constraints.items()


def test_everything_copied_into_the_image_exists_and_is_not_ignored() -> None:
    kept = set(re.findall(r"^!(.+)$", (DOCKER / "Dockerfile.dockerignore").read_text(), flags=re.MULTILINE))
    sources = {source.rstrip("/") for kind, text in DOCKERFILE if kind == "COPY" for source in text.split()[:-1]}
    assert sources == kept
    assert all((ROOT / source).exists() for source in sources)
    assert sources >= {"dags", "pipeline", "sql", "examples"}


def test_the_image_and_every_service_run_without_root() -> None:
    assert [text for kind, text in DOCKERFILE if kind == "USER"][-1] == "50000:0"
    users = {name: str(service["user"]) for name, service in SERVICES.items()}
    assert not [name for name, user in users.items() if user.split(":")[0] in {"0", "root"}]
    assert all(service["cap_drop"] == ["ALL"] for service in SERVICES.values())


def test_commands_of_the_pipeline_exist() -> None:
    text = " ".join(text for kind, text in DOCKERFILE if kind == "RUN") + (DOCKER / "compose.yaml").read_text()
    called = re.findall(r"python -m pipeline ([a-z-]+)", text)
    assert called
    for command in called:
        with pytest.raises(SystemExit) as stopped:
            parser().parse_args([command, "--help"])
        assert stopped.value.code == 0


def test_airflow_knows_every_command_and_every_option(tmp_path: Path) -> None:
    airflow = [words[1:] for words in commands() if words[0] == "airflow"]
    if importlib.util.find_spec("airflow.providers.celery") is None:  # .ci/docker-check brings it
        airflow = [words for words in airflow if words[0] != "celery"]
    assert ["db", "migrate"] in airflow
    assert ["scheduler"] in airflow
    options = [name.lower().split("__")[1:] for name in sorted(environment()) if name.startswith("AIRFLOW__")]
    assert all(len(option) == 2 for option in options)
    asked = {"commands": [*airflow, ["webserver"]], "options": [*options, ["core", "no_such_option"]]}
    env = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    run = subprocess.run(
        [sys.executable, "-c", ASK_AIRFLOW],
        input=json.dumps(asked)
        .lower()
        .replace("dagprocessorjob", "DagProcessorJob")
        .replace("triggererjob", "TriggererJob"),
        env=env | {"AIRFLOW_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(run.stdout.strip().splitlines()[-1])
    unknown = [what for kind in asked for what, known in zip(asked[kind], answer[kind], strict=True) if not known]
    assert unknown == [["webserver"], ["core", "no_such_option"]]


def test_every_variable_is_read_somewhere() -> None:
    code = "".join(file.read_text() for folder in ("pipeline", "dags") for file in (ROOT / folder).rglob("*.py"))
    for name in environment() - FOREIGN:
        assert name.startswith(("AIRFLOW__", "NIGHTJAR_", "OPENLINEAGE_")), name
        assert name.startswith("AIRFLOW__") or f'"{name}"' in code, name
    assert environment() >= {"NIGHTJAR_HOME", "NIGHTJAR_CONFIG"}


def test_the_queue_and_the_pool_are_those_of_the_dag() -> None:
    created = {words[3] for words in commands() if words[:3] == ["airflow", "pools", "set"]}
    assert created == dag_constants("pool") == {"gpu"}
    assert queues("gpu-worker") == dag_constants("queue") == {"gpu"}
    assert queues("cpu-worker") == {"default", "gpu"}  # without a GPU the fine-tuning runs here
    assert next(words[4] for words in commands() if words[:3] == ["airflow", "pools", "set"]) == "1"
    assert SERVICES["gpu-worker"]["profiles"] == ["gpu"]
    assert SERVICES["gpu-worker"]["command"][-2:] == ["--concurrency", "1"]


def test_what_the_pipeline_writes_is_on_a_volume_and_the_shop_is_read_only() -> None:
    config = FullConfig(home=Path(image_environment()["NIGHTJAR_HOME"]))
    for name in ("cpu-worker", "gpu-worker"):
        mounts = [interpolated(volume).split(":") for volume in SERVICES[name]["volumes"]]
        at = {mount[1]: mount[0] for mount in mounts}
        assert at[str(config.home)] == "home"
        assert at[str(config.tables)] == "tables"
        shop = str(PurePosixPath(SERVICES[name]["environment"]["NIGHTJAR_CONFIG"]).parent)
        assert [mount[2:] for mount in mounts if mount[1] == shop] == [["ro"]]
    mounts = [interpolated(volume).split(":") for volume in SERVICES["dag-processor"]["volumes"]]
    assert [mount[2:] for mount in mounts if mount[1] == shop] == [["ro"]]  # what the DAG looks like depends on it
    named = {v.split(":")[0] for s in SERVICES.values() for v in s.get("volumes", []) if not v.startswith("$")}
    assert named == set(COMPOSE["volumes"])
    owned = " ".join(text for kind, text in DOCKERFILE if kind == "RUN")
    assert f"{config.home} {config.tables}" in owned  # else a new volume belongs to root


def test_every_service_is_bounded_watched_and_restarted() -> None:
    for name, service in SERVING.items():
        assert service["restart"] == "unless-stopped", name
        assert service["deploy"]["resources"]["limits"]["memory"], name
        assert service["healthcheck"]["test"], name
        assert service["logging"]["options"]["max-size"], name
    assert SERVICES["init"]["restart"] == "no"
    assert "ports" not in SERVICES["postgres"] | SERVICES["redis"]


def test_no_service_can_write_but_to_volumes_and_to_memory() -> None:
    for name, service in SERVICES.items():
        assert service["read_only"] is True, name
        scratch = {mount.split(":")[0]: mount.split(":")[1] for mount in service["tmpfs"]}
        assert "/tmp" in scratch, name
        assert all("size=" in options for options in scratch.values()), name  # it counts as the container's memory
    for name in OURS:
        scratch = dict(mount.split(":") for mount in SERVICES[name]["tmpfs"])
        assert "uid=50000" in scratch["/opt/airflow"], name  # Airflow's home, which the image's user must own
        assert "logs:/opt/airflow/logs" in SERVICES[name]["volumes"]
    assert "/var/run/postgresql" in {mount.split(":")[0] for mount in SERVICES["postgres"]["tmpfs"]}
    home = image_environment()["NIGHTJAR_HOME"]
    assert all(SERVICES[name]["environment"]["HF_HOME"].startswith(f"{home}/") for name in ("cpu-worker", "gpu-worker"))


def test_every_image_that_is_built_on_can_be_named_by_its_digest() -> None:
    named = {name for name in example() if name.endswith("_IMAGE")}
    assert named == {"AIRFLOW_IMAGE", "POSTGRES_IMAGE", "REDIS_IMAGE", "STORE_IMAGE"}
    for service, described in (
        {name: SERVICES[name] for name in INFRASTRUCTURE} | {"store": S3["services"]["s3"]}
    ).items():
        variable = f"{service.upper()}_IMAGE"
        assert described["image"] == f"${{{variable}:-{example()[variable]}}}"
    arguments = [service["build"]["args"]["AIRFLOW_IMAGE"] for service in SERVICES.values() if "build" in service]
    assert arguments == [f"${{AIRFLOW_IMAGE:-{example()['AIRFLOW_IMAGE']}}}"] * 2


def test_the_cluster_knows_the_lake_and_a_secret_and_nothing_else() -> None:
    for name in SPARK:
        service = SERVICES[name]
        assert service["profiles"] == ["spark"]
        assert service["networks"] == ["internal"]
        assert {key for key in service["environment"] if key.startswith("NIGHTJAR_")} == {"NIGHTJAR_SPARK_SECRET"}
        script = service["command"][-1]
        assert "spark.authenticate true" in script
        assert "$$NIGHTJAR_SPARK_SECRET" in script.splitlines()[1]  # a builtin's argument, in no list of processes
        assert "SECRET" not in script.splitlines()[2]
    mounts = [volume.split(":")[:2] for volume in SERVICES["spark-worker"]["volumes"]]
    assert mounts == [["home", image_environment()["NIGHTJAR_HOME"]], ["spark", "/var/lib/spark"]]
    assert SERVICES["spark-worker"]["environment"]["SPARK_LOCAL_DIRS"] == "/var/lib/spark"


def test_the_spark_packages_are_those_of_the_extra() -> None:
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["spark"]
    assert set(pins(DOCKER / "spark-requirements.txt")) == {re.split(r"[<>=]", name)[0] for name in extra}
