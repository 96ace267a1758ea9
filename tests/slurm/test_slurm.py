"""`snakemake --profile slurm` on a real Slurm: failures, kills, restarts, a campaign of three.

The profile, the wrapper rules and the executor are those of users. Without Slurm these tests are
skipped; `make slurm-lab` installs one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from slurm_campaigns import (
    ROOT,
    command,
    environment,
    lab,
    said,
    start,
    three_materials,
    wait_until,
)

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.timeout(900)]
Lab = Callable[[str], subprocess.CompletedProcess]
FAILURES = ROOT / "tests/slurm/failures.smk"
LOST = ROOT / "tests/slurm/lost.smk"
REQUEUE = {"slurm-no-requeue": False, "slurm-requeue": True}
"""What docs/cluster.md tells the user of a preemptible partition to write into site.yaml."""


@pytest.fixture(scope="module")
def slurm() -> Iterator[Lab]:
    """A running Slurm, stopped at the end; skips with the reason where there can be none."""
    if shutil.which("slurmctld") is None and os.environ.get("UMKLAPP_SLURM_INSTALL") != "yes":
        pytest.skip("Slurm is not installed; `make slurm-lab` does it (root, apt-get)")
    if os.geteuid() != 0:
        pytest.skip("the test lab starts its own slurmctld and slurmd, which only root can")
    for step in ("install", "up"):
        done = lab(step)
        if done.returncode:
            pytest.skip(f"lab.sh {step}: {done.stderr.strip().splitlines()[-1:]}")
    yield lab
    lab("nuke")


def queue(form: str = "%i|%T|%k|%P|%b") -> list[list[str]]:
    """Jobs that wait or run."""
    done = subprocess.run(
        ["squeue", "--me", "--noheader", f"--format={form}"],
        capture_output=True,
        text=True,
        check=False,
    )
    return [line.split("|") for line in done.stdout.splitlines()]


def running(rule: str) -> list[str]:
    """Numbers of the running jobs of a rule."""
    return [job[0] for job in queue() if job[1] == "RUNNING" and job[2].startswith(f"rule_{rule}")]


def runs(folder: Path, rule: str) -> list[int]:
    """Memory of every execution of a rule of failures.smk."""
    return list(map(int, (folder / "runs" / rule).read_text().split()))


@pytest.fixture(scope="module")
def failures(slurm: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of failures.smk in one run, with a job cancelled and the controller restarted."""
    folder = tmp_path_factory.mktemp("failures")
    (folder / "runs").mkdir()
    process = start(folder, "all", snakefile=FAILURES)
    begun = [folder / "runs/cancelled", folder / "runs/steady"]
    wait_until(lambda: all(path.exists() for path in begun), 120, process)
    subprocess.run(["scancel", *running("cancelled")], check=True)
    slurm("controller-stop")
    time.sleep(5)
    assert slurm("controller-start").returncode == 0
    assert process.wait(timeout=400) != 0, said(folder)
    return folder


def test_a_failing_job_runs_once_per_attempt_with_more_memory(failures: Path) -> None:
    assert runs(failures, "fails") == [500, 1000, 1500]
    assert not (failures / "fails.out").exists()


def test_out_of_memory_is_tried_again_with_more(failures: Path) -> None:
    assert runs(failures, "hungry") == [700, 1400]
    assert (failures / "hungry.out").exists()


def test_wall_time_is_reported_and_tried_again(failures: Path) -> None:
    assert len(runs(failures, "late")) == 2
    assert (failures / "late.out").exists()
    assert "TIMEOUT" in said(failures)


def test_a_cancelled_job_is_tried_again(failures: Path) -> None:
    assert len(runs(failures, "cancelled")) == 2
    assert (failures / "cancelled.out").exists()
    assert "CANCELLED" in said(failures)


def test_a_restarted_controller_loses_nothing(failures: Path) -> None:
    assert len(runs(failures, "steady")) == 1
    assert (failures / "steady.out").exists()


def test_a_gpu_is_given_to_the_job_that_asks(failures: Path) -> None:
    assert (failures / "gpu.out").read_text().strip() in {"0", "1"}
    assert "Auto-selected partition 'gpu' for job gpu" in said(failures)
    assert "Auto-selected partition 'cpu' for job fails" in said(failures)


def fail_node() -> None:
    """The node is down for a moment, as if its power had failed: its jobs are lost."""
    for state in ("DOWN", "RESUME"):
        update = ["scontrol", "update", f"nodename={os.uname().nodename.split('.')[0]}"]
        subprocess.run([*update, f"state={state}", "reason=test"], check=True)


@pytest.fixture(scope="module")
def lost(slurm: Lab, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """Four runs at once of lost.smk, with the profile and with requeueing: folders by both."""
    cases = [(rule, site) for rule in ("preempted", "stranded") for site in ("profile", "requeue")]
    folders = {case: tmp_path_factory.mktemp("_".join(case)) for case in cases}
    processes = {}
    for (rule, site), folder in folders.items():
        keys = REQUEUE if site == "requeue" else None
        processes[rule, site] = start(folder, f"{rule}.out", site_keys=keys, snakefile=LOST)
    for case, process in processes.items():
        wait_until(lambda case=case: (folders[case] / "starts").exists(), 120, process)
    # the two cores of the preemptible jobs; the stranded ones keep theirs
    subprocess.run(["sbatch", "-p", "urgent", "-n2", "--mem=100", "--wrap=sleep 1"], check=True)
    for rule in ("preempted", "stranded"):
        if rule == "stranded":
            fail_node()
        for case in [case for case in cases if case[0] == rule]:
            assert processes[case].wait(timeout=200) == 0, said(folders[case])
    return folders


@pytest.mark.physics  # not physics, but minutes: Slurm starts a requeued job after two of them
@pytest.mark.parametrize("site", ["profile", "requeue"])
@pytest.mark.parametrize(("rule", "state"), [("preempted", "PREEMPTED"), ("stranded", "NODE_FAIL")])
def test_a_job_that_lost_its_node_is_started_once_more(
    lost: dict[tuple[str, str], Path], rule: str, state: str, site: str
) -> None:
    folder = lost[rule, site]
    assert (folder / f"{rule}.out").exists()
    assert (folder / "starts").read_text().split() == ["start", "start"]
    submissions = len(re.findall("has been submitted with SLURM jobid", said(folder)))
    assert submissions == (2 if site == "profile" else 1), said(folder)
    assert (state in said(folder)) == (site == "profile")


def seeds_of_silicon(folder: Path) -> tuple[Path, str, str]:
    """A campaign of one material whose labels take seconds, and the target to make."""
    config = three_materials(
        folder,
        reference={
            "calculator": "silicon:SlowSilicon",
            "parameters": {"seconds": 4.0},
        },
        materials={"select": ["Si-227"], "relax": False},
        resources={"retries": 0, "label_chunks": 2},
    )
    return config, "Si-227", "results/Si-227/seeds/train.extxyz"


def test_a_killed_snakemake_is_restarted_while_its_jobs_run(slurm: Lab, tmp_path: Path) -> None:
    """SIGKILL with labels half done: the new run waits for the old jobs and takes them over."""
    config, material, target = seeds_of_silicon(tmp_path)
    process = start(tmp_path, target, "--configfile", str(config))
    ledger = tmp_path / f"results/{material}/ledger"
    wait_until(lambda: len(list(ledger.glob("*/*.extxyz"))) >= 2, 240, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    left = running("label")
    assert left, "no job was running when Snakemake was killed"
    # a slow start of the next run must not give the jobs the time to end
    subprocess.run(["scontrol", "suspend", ",".join(left)], check=True)
    done = {path: path.stat().st_mtime_ns for path in ledger.glob("*/*.extxyz")}

    unlock = command(tmp_path, target, "--configfile", str(config), "--unlock")
    subprocess.run(unlock, env=environment(tmp_path), cwd=tmp_path, check=True)
    again = start(tmp_path, target, "--configfile", str(config))
    wait_until(lambda: "still in the queue" in said(tmp_path), 240, again)
    subprocess.run(["scontrol", "resume", ",".join(left)], check=True)
    assert again.wait(timeout=300) == 0, said(tmp_path)
    text = said(tmp_path)
    assert left[0] in text
    # nothing lost: what was there is untouched; nothing twice: no label job was submitted again
    assert {path: path.stat().st_mtime_ns for path in done} == done
    submitted = re.findall(r"slurm_logs/rule_label/(\S+?)/\d+\.log", text)
    assert len(submitted) == len(set(submitted)) == 2
    logs = list(tmp_path.glob(f".snakemake/slurm_logs/rule_label/{material}*/*.log"))
    assert len(logs) == 2
    assert (tmp_path / target).exists()
    final = command(tmp_path, target, "--configfile", str(config), "--dry-run")
    found = subprocess.run(
        final, env=environment(tmp_path), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "Nothing to be done" in found.stdout + found.stderr


@pytest.fixture(scope="module")
def three(slurm: Lab, forks: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished campaign of three materials; its jobs share their imports."""
    folder = tmp_path_factory.mktemp("three") / "campaign"
    config = three_materials(folder)
    process = start(folder, "--configfile", str(config), forks=True)
    assert process.wait(timeout=2400) == 0, said(folder)[-4000:]
    return folder


@pytest.mark.slow
@pytest.mark.timeout(2500)
def test_three_materials_end_with_different_numbers_of_rounds(three: Path) -> None:
    summary = pd.read_csv(three / "results/summary.csv").set_index("material")
    assert set(summary.index) == {"Si-227", "C-227", "SiC-216"}
    rounds = summary["rounds"].to_dict()
    assert len(set(rounds.values())) > 1, rounds
    for material, count in rounds.items():
        found = sorted((three / f"results/{material}").glob("round_*/assessment.json"))
        assert len(found) == count
        finished = [json.loads(path.read_text())["finished"] for path in found]
        assert finished == [False] * (count - 1) + [True]
    assert summary["kappa_300K_W_per_mK"].notna().all()


@pytest.mark.slow
def test_every_job_of_the_campaign_was_submitted_once(three: Path) -> None:
    logs = [path.relative_to(three) for path in three.glob(".snakemake/slurm_logs/*/*/*.log")]
    assert len({path.parent for path in logs}) == len(logs) > 30
    submitted = {path.parts[2] for path in logs}
    assert any("assess" in name for name in submitted), "what reads explorations is a job"
    assert not any("dataset" in name for name in submitted), "what only copies labels is local"


@pytest.mark.slow
def test_the_finished_campaign_has_nothing_to_do(three: Path) -> None:
    done = subprocess.run(
        command(three, "--dry-run", "--configfile", str(three / "three.yaml")),
        env=environment(three),
        cwd=three,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Nothing to be done" in done.stdout + done.stderr


def test_slurm_profile_without_slurm_is_named_before_any_job(tmp_path: Path) -> None:
    """Needs no Slurm: PATH holds a shell and little else."""
    folder, programs = tmp_path / "campaign", tmp_path / "bin"
    config = three_materials(folder)
    programs.mkdir()
    for name in ("bash", "sh", "which", "env"):
        (programs / name).symlink_to(shutil.which(name) or "")
    found = {**environment(folder), "PATH": str(programs)}
    done = subprocess.run(
        command(folder, "--configfile", str(config)),
        env=found,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "submits jobs to Slurm, but sbatch, squeue" in done.stdout + done.stderr
    assert not (folder / "results").exists()
