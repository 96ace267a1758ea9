"""A job opened outside Snakemake is the job that Snakemake would run."""

import importlib.util
import shutil
import subprocess
import sys

import pytest
import yaml
from instant_campaigns import ROOT, SI, C, campaign


@pytest.fixture(scope="module")
def debug():
    """The helper beside the scripts, which is no package."""
    spec = importlib.util.spec_from_file_location("_debug", ROOT / "scripts/_debug.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["_debug"] = module
    spec.loader.exec_module(module)
    return module


def test_a_script_is_opened_with_the_inputs_of_its_job(debug, instant, tmp_path, monkeypatch):
    """Inputs that wait for a checkpoint too: Si-227 is done in round 2."""
    monkeypatch.chdir(instant)
    before = (instant / f"results/{SI}/model/committee.json").read_text()
    job = debug.opened("model", "config.yaml", tmp_path, material=SI)
    assert list(job.snakemake.input.members) == [
        f"results/{SI}/round_02/member_{member}/model.ckpt" for member in range(2)
    ]
    assert callable(job.names()["main"])
    job.run()
    made = tmp_path / f"results/{SI}/model/committee.json"
    assert made.read_text() == (instant / f"results/{SI}/round_02/committee.json").read_text()
    assert (instant / f"results/{SI}/model/committee.json").read_text() == before


def test_parameters_are_those_of_the_rule(debug, instant, tmp_path, monkeypatch):
    monkeypatch.chdir(instant)
    job = debug.opened("train", "config.yaml", tmp_path, material=C, round="01", member="1")
    assert job.script == ROOT / "scripts/train.py"
    assert job.snakemake.input.dataset == f"results/{C}/round_01/dataset.extxyz"
    assert job.snakemake.params.potential["backend"] == "nequip"
    assert job.snakemake.params.scratch.startswith(str(tmp_path)), "restart state is left alone"
    assert job.snakemake.log[0].startswith(str(tmp_path))


def test_the_only_file_of_an_input_that_is_a_list_is_no_text(debug, tmp_path, monkeypatch):
    """Scripts walk through such inputs: a bare path would be walked letter by letter."""
    monkeypatch.chdir(tmp_path)
    path = campaign(tmp_path, [SI])
    settings = yaml.safe_load(path.read_text())
    settings["seeds"].append({"kind": "harmonic", "count": 2})
    path.write_text(yaml.safe_dump(settings))
    job = debug.opened("harmonic", "config.yaml", tmp_path / "made", material=SI)
    assert list(job.snakemake.input.displaced) == [f"results/{SI}/seeds/displaced.extxyz"]
    assert list(job.snakemake.input.given) == []


def test_inputs_that_are_not_known_yet_are_said(debug, copy, tmp_path, monkeypatch):
    monkeypatch.chdir(copy)
    shutil.rmtree(copy / f"results/{SI}/round_02")
    with pytest.raises(LookupError, match=r"round_02/assessment\.json is made: run it first"):
        debug.opened("history", "config.yaml", tmp_path, material=SI)


def test_the_command_leaves_a_prompt_with_the_names_of_the_script(instant, tmp_path):
    command = [sys.executable, "-i", str(ROOT / "scripts/_debug.py"), "acquire"]
    command += [f"material={SI}", "round=00", "--configfile", "config.yaml"]
    done = subprocess.run(
        [*command, "--folder", str(tmp_path)],
        cwd=instant,
        input="print(snakemake.input.exploration, main.__name__)\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"results/{SI}/round_00/exploration.h5 main" in done.stdout, done.stderr
