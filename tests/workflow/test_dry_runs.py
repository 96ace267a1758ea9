"""The Snakefile as a user meets it: dry runs of the shipped configurations, lint, messages."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from ase.build import bulk
from foundation_models import published

from umklapp import config
from umklapp.__main__ import main
from umklapp.campaign import check_list, checks

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted(path for path in (ROOT / "config").glob("*.yaml"))


def snakemake(*arguments: str, config_file: Path, directory: Path) -> tuple[int, str]:
    """Exit status and text of Snakemake run from the repository on results in `directory`."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--configfile", str(config_file), "--cores", "2", *arguments]
    environment_link(directory)
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def environment_link(directory: Path) -> None:
    """Relative paths of a shipped configuration start at the repository root."""
    link = directory / "config"
    if not link.exists():
        link.symlink_to(ROOT / "config")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_configurations_pass_all_checks(
    path: Path, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    published(path, shared, tmp_path / "home", monkeypatch)
    rows = checks.check(config.load(path))
    assert len(rows) >= 1


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_shipped_configuration_passes_a_dry_run(
    path: Path, tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All rules and files of the first rounds, for every selected material."""
    published(path, shared, tmp_path / "home", monkeypatch)
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "shared").symlink_to(shared)
    status, text = snakemake("--dry-run", "--quiet", "rules", config_file=path, directory=work)
    assert status == 0, text
    assert "born" in text


def test_a_cif_becomes_a_campaign_that_passes_all_checks_and_a_dry_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As README.md and docs/howto.md say: `umklapp new`, `umklapp check`, the list of jobs."""
    monkeypatch.chdir(tmp_path)
    bulk("ZnO", "wurtzite", a=3.25, c=5.2).write("ZnO.cif")
    assert main(["new", "ZnO.cif"]) == 0
    path = Path("campaigns/ZnO-186/ZnO-186.yaml")
    listed = check_list.lines(path)
    assert not [line for line in listed if line.outcome == "wrong"]
    assert [line.text for line in listed if line.outcome == "note"], "no Born charges are given"
    status, text = snakemake("--dry-run", config_file=tmp_path / path, directory=tmp_path)
    assert status == 0, text
    assert "ZnO-186: build and relax the primitive cell" in text


@pytest.mark.parametrize("name", ["demo"])
def test_dry_run_explains_what_would_run(name: str, tmp_path: Path) -> None:
    path = ROOT / "config" / f"{name}.yaml"
    status, text = snakemake("--dry-run", config_file=path, directory=tmp_path)
    assert status == 0, text
    for rule in ("structure", "seed_aimd", "label", "train", "explore", "assess"):
        assert rule in text
    assert "round 00: train member 0" in text
    assert not (tmp_path / "results").exists()


def test_target_of_one_material(tmp_path: Path) -> None:
    path = ROOT / "config/demo.yaml"
    status, text = snakemake("--dry-run", "only_NaCl-225", config_file=path, directory=tmp_path)
    assert status == 0, text
    for rule in ("train", "model", "phonons", "conductivity", "figure_kappa"):
        assert f"rule {rule}:" in text or f"\n{rule} " in text, rule


def test_unknown_material_is_named_before_any_job(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    text = (ROOT / "config/demo.yaml").read_text().replace("[NaCl-225]", "[NaCl-216]")
    path.write_text(text)
    status, said = snakemake("--dry-run", config_file=path, directory=tmp_path)
    assert status != 0
    assert "'NaCl-216' is not in config/materials.csv; did you mean NaCl-225?" in said


def test_library_never_imports_snakemake() -> None:
    found = [
        path
        for path in (ROOT / "umklapp").rglob("*.py")
        if "import snakemake" in path.read_text() or "from snakemake" in path.read_text()
    ]
    assert not found


def test_every_rule_has_its_script_and_every_script_its_rule() -> None:
    text = "".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    for script in (ROOT / "scripts").glob("[!_]*.py"):
        assert f"../scripts/{script.name}" in text, script
        lines = script.read_text().splitlines()
        assert len(lines) <= 65, f"{script} has {len(lines)} lines"


@pytest.mark.parametrize("word", ["log:", "benchmark:", "threads:", "resources:", "message:"])
def test_every_rule_says_its(word: str) -> None:
    for path in (ROOT / "rules").glob("*.smk"):
        blocks = path.read_text().split("\nrule ")[1:]
        for block in blocks:
            if "output:" not in block:  # a target
                continue
            assert word in block, f"{path.name}: rule {block.split(':')[0]} has no {word}"


def rules() -> list[tuple[str, str]]:
    """Name and text of every rule that has jobs; a target has no output."""
    text = "".join(path.read_text() for path in sorted((ROOT / "rules").glob("*.smk")))
    starts = list(
        re.finditer(r"^ *(?:(?:rule|checkpoint) (\w+)|use rule \w+ as (\w+) with):", text, re.M)
    )
    assert len(starts) > 40
    blocks = [
        (start, text[start.end() : end and end.start()])
        for start, end in zip(starts, [*starts[1:], None], strict=True)
    ]
    return [
        (start[1] or start[2], block) for start, block in blocks if start[2] or "output:" in block
    ]


def test_nothing_heavy_runs_where_snakemake_runs() -> None:
    """On a login node: no local rule reads explorations or files of others, evaluates, or asks for
    over 1 GB."""
    local = {rule: block for rule, block in rules() if "localrule: True" in block}
    assert not {"seed_frames", "seed_nomad"} & set(local)
    assert len(local) > 10
    for rule, block in local.items():
        inputs = block.split("output:")[0]
        assert not re.search(r"exploration|engine=", inputs), rule
        megabytes = re.findall(r'mem_mb=memory\("\w+", (\d+)', block)
        assert max(map(int, megabytes)) <= 1000, rule


def test_a_job_with_the_graph_of_a_gpu_asks_for_one() -> None:
    """And the others have that of the processor: no job uses a card that it has not asked for."""
    for rule, block in rules():
        if re.search(r"=REQUESTS\.(engine|flux_engine|distillation_engine)\b", block):
            assert "gpu=int(CAMPAIGN.resources.gpu)" in block, rule
        if "REQUESTS.cpu_engine" in block:
            assert "gpu=" not in block, rule


def test_every_rule_asks_for_resources_in_its_own_name() -> None:
    """Rules that inherit too: a factor in `resources` reaches the rule that it names."""
    for rule, block in rules():
        assert f'mem_mb=memory("{rule}",' in block, rule
        assert f'runtime=minutes("{rule}",' in block.replace("(\n                ", "("), rule
