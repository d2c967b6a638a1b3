"""Runs a command and writes what it took: `measure.py RECORD COMMAND ...`.

A process of its own, because a child's peak memory counts what its parent had when it was forked; this one has little.
"""

import json
import os
import sys
import time

if __name__ == "__main__":
    record, *command = sys.argv[1:]
    began = time.perf_counter()
    child = os.spawnv(os.P_NOWAIT, command[0], command)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - began
    with open(record, "w") as stream:  # noqa: PTH123 (pathlib would be memory too)
        # kilobytes to MB of 10^6 bytes
        json.dump({"seconds": round(seconds, 2), "peak_mb": round(usage.ru_maxrss * 1024 / 1e6, 1)}, stream)
    sys.exit(os.waitstatus_to_exitcode(status) != 0)
