"""Jobs of a test campaign as forks of one process that has imported what takes seconds.

Every job of a campaign is a Python of its own, and importing PyTorch and NequIP takes five seconds
of it: half of a tiny campaign. Here Snakemake starts the same scripts, and `sitecustomize` hands
them to a server that has made these imports and runs each script in a child of its own, with the
job's environment, folder and streams. One campaign of the tests runs without, as a user's does.
"""

from __future__ import annotations

import atexit
import os
import pickle
import runpy
import select
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

VARIABLE = "UMKLAPP_FORKED_JOBS"
"""Names the socket of the server to Snakemake's jobs."""

TESTS = Path(__file__).parents[1]


def python_path(forks: bool) -> str:
    """PYTHONPATH of a campaign: this checkout, wherever it lies; the client if jobs are forked."""
    folders = [TESTS.parent, TESTS, *([TESTS / "forked_jobs/client"] if forks else [])]
    return os.pathsep.join(map(str, folders))


@contextmanager
def server(path: Path) -> Iterator[Path]:
    """A server that listens at `path` within the block."""
    started = subprocess.Popen(
        [sys.executable, "-m", "forked_jobs", path],
        env={**os.environ, "PYTHONPATH": python_path(forks=False)},
        stdin=subprocess.PIPE,  # closes with this process, whatever ends it
        stdout=subprocess.PIPE,
    )
    try:
        assert started.stdout is not None
        assert started.stdout.readline() == b"ready\n"
        yield path
    finally:
        started.kill()
        started.wait()


def serve(path: Path) -> None:
    """Fork a child for every script that is asked for, until standard input ends."""
    import umklapp.learning.judgement
    import umklapp.potentials.nequip.inference
    import umklapp.potentials.nequip.training
    import umklapp.transport.bte  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits: a child tells its status itself
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(str(path))
    listening.listen(16)
    print("ready", flush=True)
    while sys.stdin not in select.select([listening, sys.stdin], [], [])[0]:
        asking, _ = listening.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listening.close()
            status = _run(asking)
            with suppress(BrokenPipeError):  # Snakemake was killed
                asking.send(bytes([status]))
            os._exit(0)
        asking.close()


def _run(asking: socket.socket) -> int:
    """Run the script of a message here; its exit status."""
    request, streams, *_ = socket.recv_fds(asking, 2**20, 2)
    script, folder, environment = pickle.loads(request)
    for stream, place in zip(streams, (1, 2), strict=True):
        os.dup2(stream, place)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [script]
    try:
        runpy.run_path(script, run_name="__main__")
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    atexit._run_exitfuncs()  # scratch folders and workers of the job, as where a Python ends
    sys.stdout.flush()
    sys.stderr.flush()
    return status
