"""The stop rule in a real campaign: silicon that needs no rounds, and silicon that does.

Stillinger and Weber label. A model that is two per cent too stiff is right after its correction;
Kumagai's potential, whose κ is several times too small, is not.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from ase.io import iread
from test_campaign import FOUNDATION, MATERIAL, TINY, environment, run, said

from umklapp.transport.stop_rule.record import StopRecord

pytestmark = pytest.mark.slow

RULE = {"check": 2, "error": 0.1}
NEARLY_RIGHT = {
    "package": "ase",
    "calculator": "silicon:ScaledSilicon",
    "parameters": {"factor": 1.02},
}


def configure(folder: Path, **changes: object) -> Path:
    """The tiny campaign with a stop rule; `changes` are keys of its section `foundation`."""
    foundation = {**FOUNDATION, "own_lattice": False, "stop": RULE, **changes}
    path = folder / "stop.yaml"
    path.write_text(yaml.safe_dump({**TINY, "foundation": foundation}))
    return path


@pytest.fixture(scope="module")
def done(forks: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign that ends without rounds, with its page."""
    config = configure(tmp_path_factory.mktemp("done"), model=NEARLY_RIGHT)
    result = run(config, "all", "report_page")
    assert result.returncode == 0, said(result)
    return config


def test_a_nearly_right_model_needs_no_rounds(done: Path) -> None:
    folder = done.parent / f"results/{MATERIAL}"
    stop = StopRecord.read(folder / "stop.json")
    assert stop.done
    assert len(list(folder.glob("ledger/*/*.extxyz"))) == stop.labels == 8
    assert not list(folder.glob("round_*"))
    assert not (folder / "seeds").exists()


def test_what_people_read_of_it(done: Path) -> None:
    """κ with its ± and audit; the word trust, and that nothing has searched for events."""
    folder = done.parent / f"results/{MATERIAL}"
    stop = StopRecord.read(folder / "stop.json")
    row = pd.read_csv(done.parent / "results/summary.csv").iloc[0]
    kappa, _ = stop.conductivity.at_room_temperature
    assert row["kappa_300K_W_per_mK"] == pytest.approx(kappa)
    assert row["kappa_300K_error_W_per_mK"] == pytest.approx(stop.errors.boltzmann.total(300.0))
    assert (row["rounds"], row["labels"], row["verdict"]) == (0, 8, "not searched")
    comparison = json.loads((folder / "comparison.json").read_text())
    assert comparison["audit"]["outcome"] == "passed"
    assert "trust the Boltzmann equation" in comparison["advice"]
    assert "not searched: nearly harmonic by the model" in comparison["advice"]
    assert any("corrected by 2 labels" in line["method"] for line in comparison["kappa"])
    page = (done.parent / "results/campaign.html").read_text()
    assert "not searched" in page
    assert comparison["advice"] in page.replace("&#39;", "'")
    for text in (json.dumps(comparison), (folder / "comparison.md").read_text()):
        assert "sound" not in text


def test_status_and_summary_of_it(done: Path) -> None:
    def umklapp(*words: str) -> str:
        command = [sys.executable, "-m", "umklapp", *words]
        return subprocess.check_output(command, cwd=done.parent, env=environment(), text=True)

    (row,) = json.loads(umklapp("status", str(done), "--json"))
    assert row["stage"] == "finished"
    assert (row["labels"], row["verdict"], row["converged"]) == (8, "not searched", True)
    assert "done without rounds after 8 labels" in umklapp("summary", str(done))


def test_a_second_run_does_nothing(done: Path) -> None:
    result = run(done)
    assert result.returncode == 0
    assert "Nothing to be done" in said(result)


def test_figures_are_drawn_again_from_its_archive(done: Path, tmp_path: Path) -> None:
    config, packed = configure(tmp_path, model=NEARLY_RIGHT), tmp_path / "archive.tar.gz"
    command = [sys.executable, "-m", "umklapp", "archive", str(done), str(packed)]
    subprocess.run(command, cwd=done.parent, env=environment(), check=True)
    subprocess.run(["tar", "-xzf", str(packed), "-C", str(tmp_path)], check=True)
    plan = said(run(config, "figures", "--dry-run"))
    planned = set(re.findall(r"^(\w+) +\d+$", plan, re.M))
    overview = {"figure_overview", "figure_campaign", "figure_study"}
    assert planned == {"comparison", *overview, "figures", "total"}


def test_a_wrong_model_goes_on_and_its_labels_train(forks: None, tmp_path: Path) -> None:
    config = configure(tmp_path)
    dataset = tmp_path / f"results/{MATERIAL}/round_00/dataset.extxyz"
    result = run(config, str(dataset.relative_to(tmp_path)))
    assert result.returncode == 0, said(result)
    folder = dataset.parents[1]
    stop = StopRecord.read(folder / "stop.json")
    assert not stop.done
    assert stop.words.startswith("goes through the rounds; the 8 labels of the rule train it")
    spent = {
        atoms.info["frame_id"]
        for part in ("correction", "check", "audit")
        for path in folder.glob(f"stop/{part}/labels/*.extxyz")
        if path.stat().st_size
        for atoms in iread(path)
    }
    assert len(spent) == 8
    assert spent < {atoms.info["frame_id"] for atoms in iread(dataset)}
