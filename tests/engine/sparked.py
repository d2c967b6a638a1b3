"""Whether there is Spark to test with; where the continuous integration promises it, there must be."""

import importlib.util
import os
import shutil

import pytest


def require(*packages: str, java: bool = False) -> None:
    """Skip a test, or a module, without what it needs; with NIGHTJAR_REQUIRE_SPARK=1 it fails instead."""
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    home = os.environ.get("JAVA_HOME")
    if java and not (shutil.which("java") or (home and shutil.which("java", path=f"{home}/bin"))):
        missing.append("java")
    if not missing:
        return
    reason = f"there is no {', no '.join(missing)}: pip install 'nightjar[spark]', and Java 17 or later"
    if os.environ.get("NIGHTJAR_REQUIRE_SPARK") == "1":
        pytest.fail(f"NIGHTJAR_REQUIRE_SPARK=1, but {reason}")
    pytest.skip(reason, allow_module_level=True)
