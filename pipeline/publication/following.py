"""Copies of the tables follow the target, for the tables that are registered; see pipeline.published.copies."""

from pipeline.ground import resources
from pipeline.publication import stores, tables
from pipeline.published import signing
from pipeline.settings.config import Config


def require(config: Config) -> None:
    """Refuse copies that could not be made, and a key that could not sign, before there is something to copy or sign.

    Raises:
        InputError: what one needs is not installed, or not in the environment; or the key is none.
    """
    signing.from_environment()
    if config.publish.copies:
        # here, as everywhere: who has no copies imports nothing for them
        from pipeline.published.copies import following

        following.require(config, tables.published())


def follow(config: Config, alone: bool = False) -> None:
    """Bring all copies to what the target has active; at once where they are there.

    Args:
        config: the configuration.
        alone: nothing stays of the runs before, as where a person is to be forgotten.
    Raises:
        UnavailableError, PublishError: copies that are behind; the others were brought up, the target is as it was.
        ResourceError: the disk refused.
    """
    if config.publish.copies:
        from pipeline.published.copies import following

        with resources.required("copies", config.tables):
            following.follow(config, stores.target(config), stores.archive(config), alone)
