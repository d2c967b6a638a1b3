"""What can be said of a cluster in a shop's file, and what cannot."""

import pytest
from pydantic import ValidationError

from pipeline.settings.config import Config
from pipeline.settings.outside import kept


@pytest.mark.parametrize(
    "name", ["spark.authenticate.secret", "spark.hadoop.fs.s3a.access.key", "spark.ssl.keyPassword"]
)
def test_no_secret_is_part_of_a_configuration(name: str) -> None:
    with pytest.raises(ValidationError, match="NIGHTJAR_SPARK_SECRET") as refused:
        Config.model_validate({"spark": {"conf": {name: "hush"}}})
    assert "is a secret" in str(refused.value)


def test_other_names_than_sparks_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"begin with .spark\.."):
        Config.model_validate({"spark": {"conf": {"executor.cores": "2"}}})
    found = Config.model_validate({"spark": {"conf": {"spark.executor.cores": "2"}}})
    assert found.spark.conf == {"spark.executor.cores": "2"}


def test_nothing_of_it_can_be_set_from_outside() -> None:
    given = {"engine": "spark", "workers": 2, "shards": 2, "spark": {"master": "spark://elsewhere:7077", "conf": {}}}
    assert kept(Config, given) == ["engine", "workers", "shards", "spark.master", "spark.conf"]
