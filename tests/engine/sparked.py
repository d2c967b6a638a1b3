"""Whether a package of Spark's extra is there; where the continuous integration promises it, it must be."""

import importlib.util
import os

import pytest

from pipeline.ground import shipped


def require(package: str) -> None:
    """Skip a module without a package that it imports; with NIGHTJAR_REQUIRE_SPARK=1 it fails instead."""
    if importlib.util.find_spec(package) is not None:
        return
    if os.environ.get("NIGHTJAR_REQUIRE_SPARK") == "1":
        pytest.fail(f"{package} is missing, and NIGHTJAR_REQUIRE_SPARK=1 asks for it")
    pytest.skip(f"{package} is not installed: {shipped.installed_by('spark')}", allow_module_level=True)
