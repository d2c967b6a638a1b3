"""docker/s3.yaml: a home in an S3 server on the same host."""

import os
import subprocess
import sys
from pathlib import Path

from pipeline.store import urls
from tests.docker.files import DOCKER, DOCKERFILE, ROOT, S3, SERVICES, pins

SERVER = S3["services"]["s3"]
WORKERS = ("cpu-worker", "gpu-worker")


def test_every_worker_has_the_home_and_the_key_that_the_server_asks_for() -> None:
    for name in WORKERS:
        environment = S3["services"][name]["environment"]
        assert urls.parse(environment["NIGHTJAR_HOME"]).bucket == "s3://nightjar"
        assert environment["AWS_ENDPOINT_URL"] == "http://s3:8333"
        for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            assert environment[key] == SERVER["environment"][key]
        mounts = [volume.split(":")[1] for volume in SERVICES[name]["volumes"]]
        assert environment["NIGHTJAR_CACHE"].startswith(tuple(f"{mount}/" for mount in mounts))
        assert S3["services"][name]["depends_on"] == {"bucket": {"condition": "service_completed_successfully"}}
    assert set(S3["services"]) == {"init", "bucket", "s3", *WORKERS}


def test_the_bucket_is_made_before_anybody_asks_for_it(tmp_path: Path) -> None:
    bucket = S3["services"]["bucket"]
    assert bucket["depends_on"] == {"s3": {"condition": "service_healthy"}}
    assert bucket["environment"] == S3["services"]["cpu-worker"]["environment"]
    python, _, script = bucket["command"]
    home = f"file://{tmp_path}/bucket/home"
    assert python == "python"
    subprocess.run([sys.executable, "-c", script], env=os.environ | {"NIGHTJAR_HOME": home}, cwd=ROOT, check=True)
    assert [entry.key for entry in urls.parse(home).open().list("")] == []
    assert (tmp_path / "bucket").is_dir()


def test_the_image_can_speak_to_a_store() -> None:
    assert "obstore" in pins(DOCKER / "requirements.txt")


def test_of_the_server_only_what_asks_for_a_key_is_reached_and_it_tells_nobody_of_itself() -> None:
    flags = dict(word.partition("=")[::2] for word in SERVER["command"][1:])
    assert flags["-ip"] == flags["-ip.bind"] == "127.0.0.1"
    assert (flags["-s3.ip.bind"], flags["-s3.port"]) == ("0.0.0.0", "8333")
    assert flags["-master.telemetry"] == flags["-s3.iam"] == "false"
    assert SERVER["networks"] == ["internal"]
    assert "ports" not in SERVER


def test_the_server_is_hardened_and_watched_as_the_others_are() -> None:
    for key in ("restart", "read_only", "cap_drop", "security_opt", "logging"):
        assert SERVER[key] == SERVICES["redis"][key]
    assert SERVER["deploy"]["resources"]["limits"]["memory"]
    assert SERVER["healthcheck"]["test"]


def test_its_volume_belongs_to_its_user() -> None:
    (mounted,) = S3["services"]["init"]["volumes"]
    source, folder = mounted.split(":")
    assert SERVER["volumes"] == [{"type": "volume", "source": source, "target": "/data", "volume": {"nocopy": True}}]
    owned = next(text for kind, text in DOCKERFILE if kind == "RUN" and "install -d -o 50000 -g 0" in text)
    assert f" {folder} " in f"{owned} "
    assert SERVER["user"] == "50000:0"
    assert SERVER["depends_on"] == {"init": {"condition": "service_completed_successfully"}}
