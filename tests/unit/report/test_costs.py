"""Costs: sums by hand, files of Snakemake with and without the extended columns."""

import re
from pathlib import Path

import pytest

from umklapp.report import costs
from umklapp.stages import STAGES

ROOT = Path(__file__).resolve().parents[3]
PLAIN = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
EXTENDED = PLAIN.rstrip() + (
    "\tjobid\trule_name\twildcards\tparams\tthreads\tcpu_usage\tresources\tinput_size_mb\n"
)


@pytest.fixture
def benchmarks(tmp_path):
    """Two jobs of silicon (one with two cores and a GPU), one of CuI, one for all."""
    files = {
        "train/Si-227_00_0.tsv": EXTENDED
        + "1800\t0:30:00\t1\t1\t1\t1\t0\t0\t50\t900\t0\ttrain\t{}\t{'a': 'x\\ty'}\t2\t0\t"
        "{'gpu': 1, 'mem_mb': 3000}\t{}\n",
        "label/Si-227_seeds_0.tsv": PLAIN + "3600\t1:00:00\t1\t1\t1\t1\t0\t0\t50\t3500\n",
        "label/CuI-216_seeds_0.tsv": PLAIN + "7.2\t0:00:07\tNA\tNA\tNA\tNA\tNA\tNA\tNA\tNA\n",
        "engine/1.tsv": PLAIN + "360\t0:06:00\t1\t1\t1\t1\t0\t0\t50\t36\n",
        "label/CuI-216_seeds_1.tsv": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_hours_of_every_stage(benchmarks):
    jobs = costs.read(benchmarks, ["Si-227", "CuI-216"])
    table = costs.table(jobs).set_index(["material", "stage"])
    train = table.loc[("Si-227", "training")]
    assert train["core_hours"] == pytest.approx(1.0)  # half an hour on two cores
    assert train["gpu_hours"] == pytest.approx(0.5)
    assert train["cpu_hours"] == pytest.approx(0.25)
    assert table.loc[("Si-227", "labels"), "core_hours"] == pytest.approx(1.0)
    assert table.loc[("CuI-216", "labels"), "core_hours"] == pytest.approx(0.002)
    assert table.loc[(costs.SHARED, "compilation"), "core_hours"] == pytest.approx(0.1)
    assert table["jobs"].sum() == 4  # the empty file is a job that has not ended


def test_material_in_all(benchmarks):
    table = costs.table(costs.read(benchmarks, ["Si-227", "CuI-216"]))
    found = costs.of_material(table, "Si-227")
    assert found["core_hours"] == pytest.approx(2.0)
    assert found["gpu_hours"] == pytest.approx(0.5)
    assert costs.of_material(table, "MgO-225") == {"core_hours": 0.0, "gpu_hours": 0.0}


def test_nothing_yet(tmp_path):
    assert costs.table(costs.read(tmp_path / "none", ["Si-227"])).empty


TARGETS = {"overview", "baselines", "stops"}
"""Without a job of their own."""


def test_every_rule_has_a_stage():
    told = {rule for rules in STAGES.values() for rule in rules}
    text = "\n".join(path.read_text() for path in sorted((ROOT / "rules").glob("*.smk")))
    rules = set(re.findall(r"^ *(?:rule|checkpoint) (\w+):", text, re.M)) - TARGETS
    use = set(re.findall(r"^ *use rule \w+ as (\w+)", text, re.M))
    assert rules | use == told
    assert len(told) == sum(len(each) for each in STAGES.values())
