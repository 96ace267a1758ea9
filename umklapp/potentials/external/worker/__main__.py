"""Start of the worker process: `python <this folder> so3krates|mace|foundation`."""

import os
import sys
from pathlib import Path

# The folder above holds this package; at the end of the path it can hide no installed package.
sys.path[0:1] = []
sys.path.append(str(Path(__file__).resolve().parents[1]))

if __name__ == "__main__":
    # Libraries print what they like to standard output; the answers keep a channel of their own.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    from worker.serving import serve  # type: ignore[import-not-found]

    if sys.argv[1] == "foundation":
        from worker.calculators import (  # type: ignore[import-not-found]
            Calculators as Service,
        )
    else:
        from worker.service import Service  # type: ignore[import-not-found]
    serve(Service(sys.argv[1], answers), sys.stdin.buffer, answers)
