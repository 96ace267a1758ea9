"""The job of every rule on a disk without space, and again with some: make test-full-disk.

Every job of a finished tiny campaign writes its outputs, log and scratch to a small file system
that has no page left, or one, or four. It must end in one sentence, leave no half file under a
final name, and do its work once there is space.

Environment:
    FULL_DISK_CAMPAIGN: configuration of a finished campaign, seen from the working folder; default:
        the tiny campaign of tests/end_to_end is run first.
    FULL_DISK_RULES: names of the rules to try (default: all).
    FULL_DISK_SECONDS: rules whose job took longer are left out (default: none).
"""

import os
import shutil
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from disks import mounted

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "scripts"), str(ROOT / "tests/end_to_end")]

PAGE = 4096
ROOMS = (0, 1, 4)
"""Pages that are left on the disk."""

SIZE = "64m"
RULES = set(os.environ.get("FULL_DISK_RULES", "").split())
SECONDS = float(os.environ.get("FULL_DISK_SECONDS", "inf"))
ELSEWHERE = {"engine", "flux_engine", "distillation_engine"}
"""Rules that compile: their graph is made in the cache, minutes long."""

pytestmark = pytest.mark.physics


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Configuration of a finished campaign, in its folder."""
    if given := os.environ.get("FULL_DISK_CAMPAIGN"):
        return Path(given)
    from test_campaign import configure, run, said

    config = configure(tmp_path_factory.mktemp("campaign"))
    result = run(config, "all", forks=False)
    assert result.returncode == 0, said(result)
    os.chdir(config.parent)
    return config


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own in memory."""
    with mounted(tmp_path / "disk", f"size={SIZE}") as folder:
        yield folder


def seconds_of(job) -> float:
    """Wall time of a finished job."""
    path = Path(str(job.benchmark))
    return float(path.read_text().splitlines()[1].split()[0]) if path.exists() else 0.0


def fill(folder: Path, pages: int) -> None:
    """Leave so many pages free."""
    free = shutil.disk_usage(folder).free
    with (folder / "filler").open("wb") as file:
        file.write(bytes(max(0, free - pages * PAGE)))


def last_line(opened, log: Path) -> str | None:
    """Run a job in a process of its own; the last line of its error, None where it succeeds."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with log.open("w") as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
            opened.run()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    _, status = os.waitpid(child, 0)
    return log.read_text().splitlines()[-1] if status else None


def sizes(opened) -> dict[str, int]:
    """Bytes of the outputs that are there."""
    return {
        Path(path).name: Path(path).stat().st_size
        for path in opened.snakemake.output
        if Path(path).is_file()
    }


def faults(job, disk: Path, log: Path) -> Iterator[str]:
    """What is wrong with one job on a full disk."""
    import _debug

    opened = _debug.moved_to(disk, job)
    words = {}
    for pages in ROOMS:
        fill(disk, pages)
        words[pages] = last_line(opened, log), sizes(opened)
        (disk / "filler").unlink()
        for path in opened.snakemake.output:
            Path(path).unlink(missing_ok=True)
    error = last_line(opened, log)
    if error is not None:
        yield f"with space: {error}"
        return
    whole = sizes(opened)
    for pages, (sentence, left) in words.items():
        if sentence is not None and not sentence.startswith("umklapp.errors.StorageError: "):
            yield f"{pages} pages: {sentence}"
        yield from (
            f"{pages} pages: {name} has {size} of {whole[name]} bytes"
            for name, size in left.items()
            if size < 0.9 * whole[name]
        )
        if sentence is None and left.keys() != whole.keys():
            yield f"{pages} pages: no error, and {sorted(whole.keys() - left.keys())} missing"
    yield from (f"left behind: {path}" for path in disk.rglob(".part-*"))


def test_every_job_says_that_the_disk_is_full_and_leaves_nothing_half(
    campaign: Path, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import _debug

    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT}/tests")
    jobs = {}
    for job in _debug.planned(campaign, lambda workflow: {"all"}).dag.jobs:
        if job.rule.script is not None and (not RULES or job.rule.name in RULES):
            jobs.setdefault(job.rule.name, job)
    wrong, tried = [], 0
    for name, job in sorted(jobs.items()):
        if name in ELSEWHERE or seconds_of(job) > SECONDS:
            print(f"{name}: left out")
            continue
        tried += 1
        said = list(faults(job, disk, tmp_path / "log.txt"))
        print(f"{name}: {'; '.join(said) or 'right'}", flush=True)
        wrong += [f"{name}: {sentence}" for sentence in said]
        for folder in disk.iterdir():
            shutil.rmtree(folder)
    assert tried
    assert not wrong, "\n".join(wrong)
