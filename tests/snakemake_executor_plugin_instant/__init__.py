"""A Snakemake executor whose jobs take no time: outputs are written in the process of Snakemake.

What is left is Snakemake's own work, so this measures the scheduler (benchmarks/scheduler.py) and
tests orchestration: rounds, caps, failures, restarts. Nothing scientific is in the files. The round
in which a material is done comes from its name, so every run of a campaign is the same.

Environment:
    INSTANT_ROUNDS: most rounds; material m finishes in round crc32(m) % INSTANT_ROUNDS.
    INSTANT_HALF: with any text, jobs of the second half of a material's rounds fail.
    INSTANT_AUDIT: a regular expression; audits of `material/round` that match it fail.
    INSTANT_STOP: a regular expression; materials that match it are done by the stop rule.
    INSTANT_DIARY: a file that gets a line per job that has written its outputs.
    INSTANT_FAIL: a regular expression; jobs with `rule:output` that match it fail.
    More in `slow`, where jobs take a moment.
"""

import json
import os
import re
import time
import zlib
from pathlib import Path

from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.real import RealExecutor
from snakemake_interface_executor_plugins.settings import CommonSettings, ExecMode

from snakemake_executor_plugin_instant import slow
from umklapp.files import write_json
from umklapp.learning.assessment import Assessment, Criterion, conclude
from umklapp.reference.foundation_weights import ModelIdentity
from umklapp.report.summary import MaterialSummary
from umklapp.transport.audit.record import Criterion as Rule
from umklapp.transport.rank_record import Rank
from umklapp.transport.stop_rule.record import StopRecord

common_settings = CommonSettings(
    non_local_exec=False,
    implies_no_shared_fs=False,
    job_deploy_sources=False,
    pass_envvar_declarations_to_cmd=False,
    auto_deploy_default_storage_provider=False,
)


def last_round(material: str) -> int:
    """Number of the round in which a material is done, from 0."""
    return zlib.crc32(material.encode()) % int(os.environ.get("INSTANT_ROUNDS", "10"))


def fails(job) -> bool:
    """Whether the environment wants this job to fail."""
    material, number = job.wildcards.get("material"), job.wildcards.get("round")
    half = os.environ.get("INSTANT_HALF") and material and number
    if half and int(number) > last_round(material) // 2:
        return True
    pattern = os.environ.get("INSTANT_FAIL")
    return bool(pattern and re.search(pattern, f"{job.rule.name}:{job.output[0]}"))


def write_audit(job, path: Path) -> None:
    """Write an audit; one that fails leaves a lesson for the next round, as the real one does."""
    place = f"{job.wildcards.material}/{job.wildcards.round}"
    pattern = os.environ.get("INSTANT_AUDIT")
    failed = bool(pattern and re.search(pattern, place))
    text = json.dumps({"another_round": failed, "outcome": "failed" if failed else "passed"})
    for lesson in map(Path, job.params.lesson):
        lesson.unlink(missing_ok=True)
        if failed:
            lesson.parent.mkdir(parents=True, exist_ok=True)
            lesson.write_text(text if lesson.suffix == ".json" else f"lesson {place}\n")
    path.write_text(text)


def write_stop(job, path: Path) -> None:
    """Write what the stop rule says, and its labels for the rounds, as the real one does."""
    material, pattern = job.wildcards.material, os.environ.get("INSTANT_STOP")
    done = bool(pattern and re.fullmatch(pattern, material))
    words = dict.fromkeys(("name", "package", "sha256", "functional", "licence", "source"), "meant")
    made = StopRecord(
        material=material,
        model=ModelIdentity(**words),
        done=done,
        words="meant",
        criteria=[Rule(name="meant", met=done, value=None, limit=None, words="meant")],
        sigma_A=0.1,
        labels=6,
        failed=0,
        labelled_by="instant",
    )
    Path(job.params.labels).write_text(f"labels {material}\n")
    write_json(path, made.model_dump(mode="json") | {"schema_version": StopRecord.VERSION})


def row(material: str) -> dict:
    """A row of the summary whose κ comes from the name of the material."""
    words = dict.fromkeys(("literature", "verdict", "reason", "verdict_reason"), "meant")
    numbers = dict.fromkeys(
        ("test_force_mae_eV_per_A", "test_energy_mae_eV_per_atom", "highest_frequency_THz"), 1.0
    )
    found = MaterialSummary(
        material=material,
        rounds=last_round(material) + 1,
        converged=True,
        labels=1,
        failed_labels=0,
        kappa_300K_W_per_mK=float(zlib.crc32(material.encode()) % 1000),
        kappa_300K_std_W_per_mK=1.0,
        **words,
        **numbers,
    )
    return found.model_dump(mode="json") | {"schema_version": MaterialSummary.VERSION}


def rank(material: str) -> dict:
    """A rank whose σᴬ comes from the name of the material."""
    made = Rank(
        material=material,
        model="instant",
        stable=True,
        sigma_A=zlib.crc32(material.encode()) % 1000 / 1000,
        missed_event=False,
        kappa_change=None,
        words="meant",
    )
    return made.model_dump(mode="json") | {"schema_version": Rank.VERSION}


def write(job) -> None:
    """Write what stands for the outputs of a job; a verdict says whether its round is the last."""
    if job.benchmark:  # what the job has asked for
        Path(job.benchmark).parent.mkdir(parents=True, exist_ok=True)
        asked = {name: job.resources.get(name) for name in ("mem_mb", "runtime", "gpu")}
        Path(job.benchmark).write_text(json.dumps(asked))
    if slow.labels_frames(job):
        slow.write_labels(job)
        return
    for output in job.output:
        path = Path(output)
        path.parent.mkdir(parents=True, exist_ok=True)
        if output.is_directory:
            path.mkdir(exist_ok=True)
        elif path.name == "assessment.json":
            number, last = int(job.wildcards.round), last_round(job.wildcards.material)
            criterion = Criterion(met=number >= last, words="meant to be done in this round")
            counts = ("explored", "accepted", "failed", "checks", "stopped", "training_frames")
            found = conclude(number, {"instant": criterion}, 99, dict.fromkeys(counts, 0))
            # not `write`: asking git for the state of the code takes longer than the scheduler
            version = {"schema_version": Assessment.VERSION}
            write_json(path, found.model_dump(mode="json") | version)
        elif job.rule.name == "audit":
            write_audit(job, path)
        elif job.rule.name == "stop":
            write_stop(job, path)
        elif job.rule.name == "rank":
            write_json(path, rank(job.wildcards.material))
        elif job.rule.name == "material_summary":
            write_json(path, row(job.wildcards.material))
        else:
            path.write_text(f"{job.rule.name} {time.time_ns()}\n")  # equal files trigger nothing


def note(job) -> None:
    """Write to the diary what was made, if there is one."""
    if job.output:
        slow.append("INSTANT_DIARY", f"{job.rule.name} {job.output[0]}")


class Executor(RealExecutor):
    """Runs every job, local rules included, within `run_job`."""

    def run_job_pre(self, job):
        """Says nothing: printing 20,000 jobs is not what is measured."""

    def run_job(self, job):
        """Write the outputs and report success, or report the failure that was asked for."""
        info = SubmittedJobInfo(job=job)
        self.report_job_submission(info)
        jobs = job.jobs if job.is_group() else [job]
        if any(map(fails, jobs)):
            self.report_job_error(info, msg="meant to fail")
            return
        for each in jobs:
            slow.begin(each)
            write(each)
            note(each)
        self.report_job_success(info)

    def get_exec_mode(self):
        """The main process, as Snakemake's own local executor says of itself."""
        return ExecMode.DEFAULT

    def get_python_executable(self):
        """Never asked: no job has a process."""
        raise NotImplementedError

    def cancel(self):
        """Nothing runs."""

    def shutdown(self):
        """Nothing to end."""

    @property
    def cores(self):
        """As many as were given."""
        return self.workflow.resource_settings.cores
