"""The worker process of a backend: started once, asked many times, ended with its last user.

A worker that has died is not started again behind anybody's back: what asks it next gets an error
with the exit status, the last line it wrote and the path of its log.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from umklapp.config.backends import BACKENDS, Backend
from umklapp.errors import CalculationError, InputError
from umklapp.potentials.external.worker import messages

WORKER = Path(__file__).resolve().parent / "worker"
ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 10.0
"""Seconds in which a worker ends by itself when its input is closed."""


def interpreter(backend: Backend, environment: str | None = None) -> Path:
    """Python of a backend's environment.

    Args:
        environment: folder; a relative one is looked for in the working directory, then beside the
            code. None: `.venv-` and the backend's name.

    Raises:
        InputError: there is none, and how to make it.
    """
    facts = BACKENDS[backend]
    if facts.environment is None:
        raise InputError(f"backend '{backend}' has no environment of its own")
    chosen = environment or facts.environment
    return python_of(chosen, "potential.environment", f"backend '{backend}'", facts.target)


def python_of(environment: str, key: str, user: str, target: str | None) -> Path:
    """Python of an environment.

    Args:
        environment: folder; a relative one is looked for in the working directory, then beside the
            code. key: of the configuration, user: what runs there, target: of make, which fills it
            (None: the user does), all for messages.

    Raises:
        InputError: there is none, and how to make it.
    """
    chosen = Path(environment).expanduser()
    places = [chosen] if chosen.is_absolute() else [Path.cwd() / chosen, ROOT / chosen]
    for place in places:
        if (place / "bin" / "python").exists():
            return place / "bin" / "python"
    looked = dict.fromkeys(map(str, places))
    remedy = f"`make {target}` makes {ROOT / environment}" if target else "make it, or name another"
    raise InputError(
        f"{key}: there is no Python in {' or '.join(looked)}, where {user} runs: {remedy}"
    )


class Worker:
    """One process of one backend, or of foundation models (`backend` is "foundation").

    Args:
        python: its interpreter. log: file for what it writes; by default one of its own in the
            temporary folder, which is removed when the worker ends well.

    Raises:
        CalculationError: it does not start, or its packages cannot be imported.
    """

    def __init__(self, backend: str, python: Path, log: Path | None = None) -> None:
        self.backend, self.python = backend, python
        if log is None:
            handle, name = tempfile.mkstemp(prefix=f"umklapp-{backend}-", suffix=".log")
            os.close(handle)
        self.log = Path(name) if log is None else log
        self.unused: list[int] = []
        """Models that nobody holds any more; the next request says so."""
        self._lock = threading.Lock()
        with self.log.open("ab") as file:
            self.process = subprocess.Popen(
                [str(python), "-s", str(WORKER), backend],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for us; we close it in order
            )
        self.close = weakref.finalize(self, _stop, self.process, self.log if log is None else None)
        self.versions: dict[str, str] = self.ask("hello")[0]["versions"]

    def ask(
        self,
        request: str,
        arrays: Mapping[str, np.ndarray] | None = None,
        listen: Callable[[dict[str, Any]], None] = lambda event: None,
        **header: Any,
    ) -> tuple[dict[str, Any], messages.Arrays]:
        """The answer to one request; `listen` gets the events that come before it.

        Raises:
            CalculationError: the worker reports an error, or has died.
        """
        with self._lock:
            try:
                answer = self._exchange({"request": request, **header}, arrays or {}, listen)
            except (OSError, EOFError, ValueError):  # ValueError: the pipe was closed by us
                answer = None
            except BaseException:  # we were interrupted: what comes now answers nobody
                self.close()
                raise
        if answer is None:
            raise self._dead(request)
        if "error" in answer[0]:
            raise CalculationError(
                f"{self.backend} ({request}): {answer[0]['error']}; traceback in {self._kept()}"
            )
        return answer

    def _exchange(
        self,
        header: dict[str, Any],
        arrays: Mapping[str, np.ndarray],
        listen: Callable[[dict[str, Any]], None],
    ) -> tuple[dict[str, Any], messages.Arrays] | None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        forgotten, self.unused[:] = list(self.unused), []
        messages.send(self.process.stdin, {**header, "forget": forgotten}, arrays)
        while (answer := messages.receive(self.process.stdout)) is not None:
            if "event" not in answer[0]:
                return answer
            listen(answer[0]["event"])
        return None

    def _dead(self, request: str) -> CalculationError:
        try:
            code = self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            code = None
        ended = f"signal {signal.Signals(-code).name}" if code and code < 0 else f"status {code}"
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        last = lines[-1] if lines else "it wrote nothing"
        return CalculationError(
            f"{self.backend} ({request}): the worker {self.python} has ended with {ended}: {last}; "
            f"log in {self._kept()}"
        )

    def _kept(self) -> Path:
        """The log, which now outlives the worker."""
        self.close.detach()
        self.close = weakref.finalize(self, _stop, self.process, None)
        return self.log


def _environment() -> dict[str, str]:
    """Ours without what would lead its Python to our packages; one thread."""
    hidden = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV")
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return {**kept, **dict.fromkeys(threads, "1"), "PYTHONHASHSEED": "0"}


def _stop(process: subprocess.Popen[bytes], log: Path | None) -> None:
    """Close its input and wait; a worker that does not end is killed. Nothing stays behind."""
    streams: tuple[IO[bytes] | None, ...] = (process.stdin, process.stdout)
    for stream in streams:
        try:
            if stream is not None:
                stream.close()
        except OSError:
            pass  # it has died with our message in the pipe
    try:
        process.wait(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if log is not None:
        log.unlink(missing_ok=True)


_SHARED: weakref.WeakValueDictionary[tuple[str, str, int], Worker] = weakref.WeakValueDictionary()


def shared(backend: str, python: Path) -> Worker:
    """The worker that all models of a backend (or all foundation models) in this process use."""
    key = (backend, str(python), os.getpid())
    worker = _SHARED.get(key)
    if worker is None or worker.process.poll() is not None:
        worker = _SHARED[key] = Worker(backend, python)
    return worker
