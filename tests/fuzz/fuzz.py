"""Damaged files for every reader within a budget of time: make fuzz (FUZZ_SECONDS, FUZZ_SEED).

    python tests/fuzz/fuzz.py --seconds 300 --seed 1 --only labels

Counts per reader: refused (an UmklappError: a sentence), taken (and nothing is wrong with the
value), and what must not be: tracebacks, silent (taken with a value that nobody can have meant),
hangs (over 10 s of the processor), crashes (the process died). Those files are kept in build/fuzz.
Exit status 1 if there are any.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from itertools import cycle
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/fuzz")]

from mutations import mutated  # noqa: E402
from readers import Reader, readers  # noqa: E402

from umklapp.errors import UmklappError  # noqa: E402

BAD = ("traceback", "silent", "hang", "crash")
PATIENCE = 10
MEMORY = 8 * 2**30
BATCH = 20


class Hang(BaseException):
    """No reader catches this."""


def ring(*_: object) -> None:
    """The alarm of a sample."""
    raise Hang


def judged(reader: Reader, path: Path) -> tuple[str, str]:
    """What the reader does with the file, and the words or the place of it."""
    signal.setitimer(signal.ITIMER_PROF, PATIENCE)
    spent = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(spent.ru_utime + spent.ru_stime) + 2 * PATIENCE
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))  # loops of a C library
    try:
        value = reader.read(path)
        wrong = reader.wrong(value)
        return ("silent", wrong) if wrong else ("taken", "")
    except UmklappError as error:
        return (
            ("refused", str(error)) if len(str(error)) < 3000 else ("traceback", "endless message")
        )
    except Hang:
        return "hang", "".join(traceback.format_exc().splitlines(keepends=True)[-3:])
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)
        own = [f"{Path(f.filename).name}:{f.lineno}" for f in where if "umklapp/" in f.filename]
        return "traceback", f"{type(error).__name__} {own[-1] if own else ''}: {str(error)[:150]}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def batch(reader: Reader, seeds: range, folder: Path, diary: Path) -> None:
    """In a process of its own: judge the samples of these seeds and note each in the diary."""
    signal.signal(signal.SIGPROF, ring)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    data = reader.sample.read_bytes()
    with diary.open("w", buffering=1) as file:
        for seed in seeds:
            damaged, how = mutated(data, Random(f"{reader.name} {seed}"))
            path = folder / reader.sample.name
            path.write_bytes(damaged)
            file.write(json.dumps([seed, how]) + "\n")
            outcome, words = judged(reader, path)
            file.write(json.dumps([seed, how, outcome, words]) + "\n")


def run_batch(reader: Reader, seeds: range, folder: Path) -> list[tuple[int, str, str, str]]:
    """Outcomes of the samples; the last is a crash where the process died."""
    diary = folder / "diary.jsonl"
    diary.unlink(missing_ok=True)
    if not (child := os.fork()):
        batch(reader, seeds, folder, diary)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    rows = [json.loads(line) for line in diary.read_text().splitlines()]
    outcomes = [tuple(row) for row in rows if len(row) == 4]
    if status:
        seed, how, *_ = rows[-1]
        hung = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU
        outcomes.append((seed, how, "hang" if hung else "crash", f"status {status}"))
    return outcomes


def main() -> int:
    """Fuzz until the budget is spent; print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="readers whose names begin so")
    parser.add_argument("--keep", type=Path, default=ROOT / "build/fuzz")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable()
    begun = time.monotonic()
    counts: dict[str, Counter[str]] = {}
    causes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        good, work = Path(name) / "good", Path(name) / "work"
        good.mkdir()
        work.mkdir()
        chosen = [
            r for r in readers(good, ROOT.parent / "shared") if r.name.startswith(options.only)
        ]
        for reader in chosen:
            outcome, words = judged(reader, reader.sample)
            assert outcome == "taken", f"{reader.name}: the good file is {outcome}: {words}"
        for turn, reader in enumerate(cycle(chosen)):
            if time.monotonic() - begun > options.seconds:
                break
            first = options.seed * 1_000_000 + turn // len(chosen) * BATCH
            for seed, how, outcome, words in run_batch(reader, range(first, first + BATCH), work):
                counts.setdefault(reader.name, Counter())[outcome] += 1
                if outcome in BAD:
                    causes[f"{reader.name}: {outcome}: {words}"] += 1
                    keep(options.keep, reader, seed, how, f"{outcome}: {words}")
    report(counts, causes)
    return int(bool(causes))


def keep(folder: Path, reader: Reader, seed: int, how: str, words: str) -> None:
    """Store the file with what went wrong."""
    place = folder / f"{reader.name.replace(' ', '_')}_{seed}"
    place.mkdir(parents=True, exist_ok=True)
    data, _ = mutated(reader.sample.read_bytes(), Random(f"{reader.name} {seed}"))
    (place / reader.sample.name).write_bytes(data)
    (place / "why.txt").write_text(f"{how}\n{words}\n")


def report(counts: dict[str, Counter[str]], causes: Counter[str]) -> None:
    """Print counts per reader, causes, and the sum."""
    columns = ("refused", "taken", *BAD)
    print(f"{'reader':20}" + "".join(f"{name:>10}" for name in columns))
    for name, row in counts.items():
        print(f"{name:20}" + "".join(f"{row[column]:10}" for column in columns))
    total: Counter[str] = sum(counts.values(), Counter())
    print(f"{total.total()} files" + "".join(f", {total[name]} {name}" for name in columns))
    for words, number in causes.most_common():
        print(f"{number:5} {words}")


if __name__ == "__main__":
    sys.exit(main())
