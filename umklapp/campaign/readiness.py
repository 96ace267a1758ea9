"""Is everything ready to run? Disk, batch system, jobs of an earlier run, the results folder.

All of this can be known before the first job, so it is said before the first job.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from umklapp.errors import InputError
from umklapp.files import json_of
from umklapp.learning.assessment import Assessment
from umklapp.paths import COMMON_FILES, COMMON_FOLDERS, Results, existing
from umklapp.wording import counted

PREFIX = "umklapp"
"""Begins the name of every Slurm job of this workflow (profiles/slurm: slurm-jobname-prefix)."""

GIGABYTE = 1e9

QUIET = 60.0
"""Seconds after which a run that waits says so again."""

NAMED = 4
"""Jobs that a message names; of the others it says how many there are."""

LONGEST_NAME = 200
"""Characters of one folder; file systems take 255, and names of temporary files are longer."""

WORKFLOW = Path(__file__).resolve().parents[2]

OWN = (
    *("benchmarks", "config", "docs", "envs", "profiles", "report", "rules", "scripts"),
    *("slurm", "tests", "umklapp"),
)
"""Folders of the workflow itself, here and where it runs."""

DANGEROUS = {
    "--batch": "it stops after the last verdict and never makes κ; cut by shard=3/10 instead",
    "--slurm-array-jobs": "arrays of plugin 2.8.0 hang, and a failing task deletes outputs",
}


def check_options(arguments: Sequence[str], sharded: bool = False) -> None:
    """Raise `InputError` for options of Snakemake that lose results of this workflow.

    Args:
        arguments: of the command. sharded: the run works on a part of the materials only.
    """
    for option, reason in DANGEROUS.items():
        if any(argument == option or argument.startswith(f"{option}=") for argument in arguments):
            raise InputError(f"{option} must not be used here: {reason}")
    if sharded and "shared" in arguments:
        raise InputError("target `shared` learns from all materials: leave out shard=… here")


def check_folder(results: Path, working: Path) -> None:
    """Raise `InputError` where the results folder is no folder of its own, or not to be written to.

    Args:
        results: the folder. working: where Snakemake runs; neither it nor anything above may be
            taken, also not through a link.
    """
    if max(map(len, results.parts), default=0) > LONGEST_NAME:
        raise InputError(f"results: a folder name of more than {LONGEST_NAME} characters")
    resolved = results.resolve()
    if any(place.resolve().is_relative_to(resolved) for place in (working, Path.home())):
        raise InputError(
            f"results: {results} is {resolved}, which holds the workflow or your home: name a "
            "folder of this campaign alone"
        )
    for place in {working.resolve(), WORKFLOW}:
        if resolved.is_relative_to(place):
            first = resolved.relative_to(place).parts[0]
            if first in OWN or first.startswith("."):
                raise InputError(
                    f"results: {results} lies in {place / first}, a folder of the workflow: clean-"
                    "up and archive act on the whole folder; name one of its own (results/si)"
                )
    present = next(place for place in (results, *results.absolute().parents) if place.exists())
    if not present.is_dir():
        raise InputError(f"results: {present} is a file, a folder is expected")
    if not os.access(present, os.W_OK | os.X_OK):
        raise InputError(
            f"results: {present} cannot be written to (read-only, or of another user): name "
            "another folder, or make it writable; `snakemake -n` and `umklapp status` only read"
        )


def check_disk(folder: Path, needed: float) -> None:
    """Raise `InputError` where `folder` has less than `needed` GB to write to.

    A full disk would end jobs one by one, in the middle of their outputs.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free / GIGABYTE
    if free < needed:
        raise InputError(
            f"{folder}: {free:.1f} GB free, resources.min_free_disk asks for {needed:g}: make "
            "room, or set the key lower"
        )


def check_batch_system(remote: bool) -> None:
    """Raise `InputError` where jobs go to a batch system that is not on this machine."""
    missing = [name for name in ("sbatch", "squeue", "scancel") if shutil.which(name) is None]
    if remote and missing:
        raise InputError(
            f"the profile submits jobs to Slurm, but {', '.join(missing)} cannot be found here: "
            "run on a login node (or load its Slurm module), or leave out --profile slurm"
        )


def strangers(results: Path, materials: Collection[str]) -> list[str]:
    """What lies in `results` that the workflow has not written.

    Args:
        materials: keys of the table, all of them; a folder of a row that is no longer selected is
            no stranger.

    Returns:
        One line per entry, empty where all is well.
    """
    if not results.is_dir():
        return []
    lines = []
    for entry in sorted(results.iterdir()):
        name = entry.name
        if name.startswith(".") or name in COMMON_FILES:
            continue
        if name not in COMMON_FOLDERS and name not in materials:
            lines.append(f"{entry}: not of this workflow, and no material of the table; left alone")
        elif not entry.is_dir():
            lines.append(f"{entry}: a file where a folder is expected")
    return lines


def check_verdicts(results: Path, materials: Sequence[str], killed: Sequence[str] = ()) -> None:
    """Raise `InputError` for an assessment or audit that the workflow cannot have written.

    It decides whether a material gets another round, so a foreign one must not pass for ours.

    Args:
        killed: outputs of killed jobs, which are made again.
    """
    places = Results(str(results))
    wrong = [
        path
        for material in materials
        for path in existing(places.material(material).round("*").assessment)
        if read_finished(Path(path)) is None
    ]
    wrong += [
        path
        for material in materials
        for path in existing(places.material(material).round("*").audit)
        if read_another_round(Path(path)) is None
    ]
    wrong = [path for path in wrong if path not in killed]
    blocked = [str(results / key) for key in materials if (results / key).is_file()]
    if wrong or blocked:
        raise InputError(
            f"{', '.join(wrong + blocked)}: not written by this workflow (or cut short); move it "
            "away, and it is made again"
        )


def check_engines(engines: Iterable[Path], shard: str) -> None:
    """Raise `InputError` where a shard would have to compile what other shards read."""
    missing = [str(path) for path in engines if not path.exists()]
    if missing:
        raise InputError(
            f"shard={shard}: {', '.join(missing)} would be written by one shard and read by "
            "others: run `snakemake engines` with the same configuration and no shard first"
        )


def read_another_round(path: Path) -> bool | None:
    """`another_round` of an audit; None where the file has none."""
    return _flag(path, "another_round")


def read_finished(path: Path) -> bool | None:
    """`finished` of an assessment; None where the file is no whole record of one."""
    try:
        return Assessment.read(path).finished
    except (OSError, InputError):
        return None


def _flag(path: Path, name: str) -> bool | None:
    try:
        value = json_of(path.read_text())[name]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return value if isinstance(value, bool) else None


@dataclass(frozen=True)
class Job:
    """A job in Slurm's queue: its id, name, state, folder and what the comment says."""

    job_id: str
    name: str
    state: str
    folder: str
    comment: str

    @property
    def words(self) -> str:
        """Rule and wildcards: `label NaCl-225_seeds_0`."""
        return self.comment.removeprefix("rule_").replace("_wildcards_", " ")


def queue() -> list[Job]:
    """The user's jobs that wait or run; empty without Slurm.

    Raises:
        InputError: squeue is there but does not answer.
    """
    if shutil.which("squeue") is None:
        return []
    command = ["squeue", "--me", "--noheader", "--format=%i|%j|%T|%Z|%k"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    except subprocess.TimeoutExpired:
        raise InputError(
            "squeue does not answer within 120 s: is the Slurm controller up?"
        ) from None
    if done.returncode:
        raise InputError(f"squeue fails: {done.stderr.strip()}")
    return [Job(*line.split("|", 4)) for line in done.stdout.splitlines() if line.count("|") >= 4]


def orphans(jobs: Sequence[Job], folder: Path, materials: Collection[str]) -> list[Job]:
    """Jobs of an earlier run in `folder` that may still write what a new run would write.

    The name is the prefix and the number of the run; the comment has rule and wildcards, the
    material among them. Jobs of another shard's materials are not ours; a job without a material
    (a compiled graph) is anybody's.
    """

    def ours(job: Job) -> bool:
        if job.folder != str(folder) or not job.name.startswith(f"{PREFIX}_"):
            return False
        wildcards = job.comment.partition("_wildcards_")[2]
        of_material = re.match(r"[A-Z][A-Za-z0-9]*-\d+", wildcards)
        if not of_material:
            return True
        return any(wildcards == key or wildcards.startswith(f"{key}_") for key in materials)

    return [job for job in jobs if ours(job)]


def wait_for_orphans(
    folder: Path,
    materials: Collection[str],
    say: Callable[[str], None],
    pause: float = 10.0,
    look: Callable[[], list[Job]] = queue,
    remote: bool = True,
) -> int:
    """Wait until no job of an earlier run in `folder` is left; returns how many there were.

    Snakemake would submit the same work again: two jobs would write one file. What they finish is
    found by the run that waits, so nothing is lost either.

    Args:
        remote: this run submits jobs itself; a Slurm that does not answer is an error then, and
            only a word of warning where all jobs run here.

    Raises:
        InputError: Slurm does not answer.
    """
    try:
        left = orphans(look(), folder, materials)
    except InputError as error:
        if remote:
            raise
        say(f"Whether an earlier run has left jobs in Slurm's queue cannot be known: {error}")
        return 0
    job_ids = {job.job_id for job in left}
    announced, when = 0, 0.0
    while left:
        if len(left) != announced or time.monotonic() - when > QUIET:
            say(_waiting_for(left))
            announced, when = len(left), time.monotonic()
        time.sleep(pause)
        left = orphans(look(), folder, materials)
        job_ids |= {job.job_id for job in left}
    if job_ids:
        ended = "job has ended" if len(job_ids) == 1 else "jobs have ended"
        say(f"The {len(job_ids)} {ended}; this run takes the results over.")
    return len(job_ids)


def _waiting_for(jobs: Sequence[Job]) -> str:
    """What the jobs of an earlier run are, how many run, and how to cancel them."""
    run = sum(job.state == "RUNNING" for job in jobs)
    named = ", ".join(job.words for job in jobs[:NAMED])
    more = f" and {len(jobs) - NAMED} more" if len(jobs) > NAMED else ""
    return (
        f"{counted(len(jobs), 'Slurm job')} of an earlier run in this folder "
        f"{'is' if len(jobs) == 1 else 'are'} still in the queue ({run} running, "
        f"{len(jobs) - run} waiting): {named}{more}. This run waits for "
        f"{'it' if len(jobs) == 1 else 'them'}; to cancel instead: "
        f"scancel {' '.join(job.job_id for job in jobs)}"
    )
