"""Work on blocks of users, done in this process, in several, or by the executors of a Spark cluster."""

from pipeline.engine.bound import Bound
from pipeline.engine.mapping import map_blocks, map_works
from pipeline.engine.work import Arrays, Work

__all__ = ["Arrays", "Bound", "Work", "map_blocks", "map_works"]
