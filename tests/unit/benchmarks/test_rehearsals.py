"""The table of rehearsals, from the records of a stored campaign beside a baseline."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest
from baselines import at, baseline
from stored_results import SILICON, budget, errors

from umklapp import config
from umklapp.paths import Results
from umklapp.report.summary import MaterialSummary

KAPPA = 90.0


@pytest.fixture(scope="module")
def module(root):
    spec = importlib.util.spec_from_file_location("rehearsals", root / "benchmarks/rehearsals.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path):
    """Results of silicon at its end, with κ = 90 ± 13, and of NaCl before its rounds."""
    results = Results(str(tmp_path / "rehearsal"))
    silicon, salt = results.material("Si-227"), results.material("NaCl-225")
    stored = MaterialSummary.read(SILICON / "summary.json")
    changed = {"kappa_300K_W_per_mK": KAPPA, "kappa_300K_error_W_per_mK": 13.0}
    stored.model_copy(update=changed).write(silicon.summary)
    errors(boltzmann=budget([300.0], potential=[5.0], mesh=[12.0])).write(silicon.error_budget)
    for files, truth in ((silicon, 97.0), (salt, 8.0)):
        baseline(at("the campaign's", truth), None).write(files.baseline)
    return tmp_path / "rehearsal"


def test_the_truth_stands_beside_kappa(module, folder):
    table, missing = module.gathered(folder)
    said = table.iloc[0]
    assert len(table) == 1
    assert (said["material"], said["kappa_truth"]) == ("Si-227", 97.0)
    assert said["z"] == pytest.approx(7 / 5)
    assert missing == ["NaCl-225"]
    assert "| 90 ± 13 (5) | 97 | no, yes |" in module.shown(table)


def test_a_crystal_without_kappa_counts_in_no_coverage(module, folder):
    path = Results(str(folder)).material("Si-227").baseline
    baseline(at("the campaign's", None, "imaginary modes"), None).write(path)
    table, _ = module.gathered(folder)
    assert pd.isna(table.loc[0, "z"])
    assert "| none | –, – |" in module.shown(table)
    assert module.counted(table) == "no row has κ and its truth"


def test_the_words_are_held_against_the_truth(module):
    rows = [
        {"z": 0.5, "kappa": 9.0, "converged": True, "audit": "passed", "verdict": "sound"},
        {"z": -3.0, "kappa": 14.0, "converged": True, "audit": "passed", "verdict": "sound"},
        {"z": 1.5, "kappa": 11.0, "converged": False, "audit": "failed", "verdict": "undecided"},
    ]
    table = pd.DataFrame(rows).assign(kappa_truth=10.0, material=["a", "b", "c"], prototype="p")
    said = module.counted(table)
    assert "3 rehearsals of 1 prototypes: 2 converged; 2 sound, 1 undecided" in said
    assert "within 1 σ in 1, within 2 σ in 2" in said
    assert "median 10.0%, largest 40.0% (b)" in said
    assert (
        "converged, audit passed and sound: 2; of these 1 further than 20% from the truth" in said
    )


def test_rows_of_other_folders_are_kept(module, folder, tmp_path, monkeypatch, capsys):
    out = tmp_path / "rehearsals.csv"
    other = module.gathered(folder)[0].assign(material="MgO-225", prototype="rock salt")
    other.to_csv(out, index=False)
    monkeypatch.setattr("sys.argv", ["rehearsals.py", str(folder), "--out", str(out)])
    module.main()
    assert list(pd.read_csv(out)["material"]) == ["MgO-225", "Si-227"]
    assert "not at their end: NaCl-225" in capsys.readouterr().out


def test_without_a_rehearsal_at_its_end_there_is_no_table(module, tmp_path, monkeypatch):
    out = tmp_path / "rehearsals.csv"
    monkeypatch.setattr("sys.argv", ["rehearsals.py", str(tmp_path), "--out", str(out)])
    with pytest.raises(SystemExit, match="no rehearsal is at its end"):
        module.main()
    assert not out.exists()


def test_the_rehearsals_of_the_table_are_a_campaign_on_a_foundation_model(root):
    campaign = config.load(root / "benchmarks/rehearsals.yaml")
    assert campaign.reference.engine == "foundation"
    assert {"CuI-216", "AgGaSe2-122"} <= set(campaign.materials.select)


def test_a_row_that_is_made_again_just_now_is_named(module, folder, tmp_path, monkeypatch):
    Path(Results(str(folder)).material("Si-227").error_budget).unlink()
    out = tmp_path / "rehearsals.csv"
    monkeypatch.setattr("sys.argv", ["rehearsals.py", str(folder), "--out", str(out)])
    with pytest.raises(SystemExit, match=r"error_budget\.json: there is no such file"):
        module.main()
