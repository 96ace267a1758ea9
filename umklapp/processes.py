"""What all processes of a run share: one thread each, and no traceback at Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType, TracebackType

JOB = "UMKLAPP_JOB"
"""Variable that the Snakefile sets for all processes that it starts."""

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
"""One thread per job, also in the Rust parts of phono3py: parallel work is Snakemake's business."""

STOPPED = "Stopped by Ctrl-C"
GOES_ON = (
    "Files and labels that are finished stay; start the same command again, and it goes on from "
    "there."
)


STILL = (
    "Still stopping: the run waits until its jobs have ended. Ctrl-C once more ends it at once; "
    "jobs on a cluster may then stay in the queue."
)

COMMAND = ("umklapp", "-m")
"""Names of the program while the command imports the library: its script, `python -m umklapp`."""


def in_one_sentence(sentence: str) -> None:
    """Let an interrupt that ends this process say `sentence`; other errors keep their traceback.

    A second interrupt, while Python cleans up, ends the process at once and in silence.

    Args:
        sentence: empty to say nothing.
    """
    earlier = sys.excepthook

    def say(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            earlier(kind, error, trace)
            return
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if sentence:
            print(f"\n{sentence}", file=sys.stderr)

    sys.excepthook = say


def _stop(signum: int, frame: FrameType | None) -> None:
    signal.signal(signum, _still_stopping)
    raise KeyboardInterrupt


def _still_stopping(signum: int, frame: FrameType | None) -> None:
    signal.signal(signum, signal.SIG_DFL)
    os.write(2, f"\n{STILL}\n".encode())


def begin_run() -> None:
    """Of a process that reads the Snakefile, before it imports much; only the first one talks.

    Snakemake ends its jobs after the first interrupt, and a second one would break that off in a
    series of tracebacks. It gets a sentence instead, and the third ends the run.
    """
    for name in THREADS:
        os.environ.setdefault(name, "1")
    if JOB in os.environ:
        in_one_sentence("")
        return
    os.environ[JOB] = "1"
    in_one_sentence(f"{STOPPED}. {GOES_ON}")
    own = threading.current_thread() is threading.main_thread()
    if own and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _stop)


def begin_process() -> None:
    """Of a process that imports the library, first of all: jobs say nothing, the command does."""
    if JOB in os.environ:
        in_one_sentence("")
    elif Path(sys.argv[0]).name in COMMAND:
        in_one_sentence(f"{STOPPED}.")
