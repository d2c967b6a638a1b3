"""Draws quality with intervals, and time and memory. Runs in an environment with matplotlib: `plots.py DATA.json OUT`.

DATA.json: a list of {title, ours, seconds, peak_mb, all: [mean, low, high], new: [mean, low, high]}; what is not there
is not drawn.
"""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
mpl.rcParams["svg.hashsalt"] = "nightjar"  # the same bytes for the same numbers
import matplotlib.pyplot as plt  # noqa: E402

OURS, THEIRS = "#0b6e4f", "#8d99ae"
PANELS = {"all": "NDCG@10, all items", "new": "NDCG@10, never-bought items"}


def quality(rows: list[dict[str, Any]], out: Path) -> None:
    """Bars of both protocols, with 95 % intervals."""
    figure, axes = plt.subplots(1, 2, figsize=(12, 0.32 * len(rows) + 1.2), layout="constrained")
    for axis, (protocol, label) in zip(axes, PANELS.items(), strict=True):
        shown = sorted((r for r in rows if r.get(protocol)), key=lambda r: r[protocol][0])
        for place, row in enumerate(shown):
            mean, low, high = row[protocol]
            axis.barh(place, mean, color=OURS if row["ours"] else THEIRS)
            axis.plot([low, high], [place, place], color="black", linewidth=1)
            axis.text(high, place, f" {mean:.3f}", va="center", fontsize=8)
        axis.set_yticks(range(len(shown)), [r["title"].strip("*") for r in shown], fontsize=8)
        axis.set_title(label, fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(x=0.12)
    _save(figure, out, "quality")


def cost(rows: list[dict[str, Any]], out: Path) -> None:
    """Time and memory of a night, each on a logarithmic axis."""
    shown = sorted((r for r in rows if r.get("seconds")), key=lambda r: r["seconds"])
    figure, axes = plt.subplots(1, 2, figsize=(12, 0.32 * len(shown) + 1.2), layout="constrained", sharey=True)
    for axis, (key, label, unit) in zip(
        axes, (("seconds", "seconds a night", 1), ("peak_mb", "peak memory, GB", 1000)), strict=True
    ):
        for place, row in enumerate(shown):
            axis.barh(place, row[key] / unit, color=OURS if row["ours"] else THEIRS)
            axis.text(row[key] / unit, place, f" {row[key] / unit:.3g}", va="center", fontsize=8)
        axis.set_xscale("log")
        axis.set_title(label, fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(x=0.12)
    axes[0].set_yticks(range(len(shown)), [r["title"].strip("*") for r in shown], fontsize=8)
    _save(figure, out, "cost")


def _save(figure: plt.Figure, out: Path, name: str) -> None:
    figure.savefig(out / f"{name}.png", dpi=110)
    figure.savefig(out / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    numbers, folder = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    quality(numbers, folder)
    cost(numbers, folder)
