"""What every rule hands its script can be parsed there, for every configuration that is shipped."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from foundation_models import published
from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, OutputSettings, ResourceSettings

from umklapp import config

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted((ROOT / "config").glob("*.yaml"))


def parsed(script: Path) -> Iterator[tuple[str, Any]]:
    """Parameter and kind of every `config.parse` of a script.

    Of calls `config.parse(kind, snakemake.params.name)` and of tables `kinds = {"name": kind}`.
    """
    for node in ast.walk(ast.parse(script.read_text())):
        pairs: list[tuple[str, ast.expr]] = []
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "config.parse":
            value = ast.unparse(node.args[1])
            if value.startswith("snakemake.params."):
                pairs.append((value.removeprefix("snakemake.params."), node.args[0]))
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "kinds":
            assert isinstance(node.value, ast.Dict)
            for key, kind in zip(node.value.keys, node.value.values, strict=True):
                assert isinstance(key, ast.Constant)
                pairs.append((key.value, kind))
        for name, kind in pairs:
            yield name, eval(ast.unparse(kind), {"config": config})


def values(parameter: Any, campaign: config.Campaign, material: str) -> Iterator[Any]:
    """The parameter for the material in its first and second round, and for every seed."""
    if not callable(parameter):
        yield parameter
        return
    for number in range(max(2, len(campaign.seeds))):
        index = str(min(number, len(campaign.seeds) - 1))
        wildcards = SimpleNamespace(
            material=material, round=f"{number:02}", member="0", index=index, species="2"
        )
        yield parameter(wildcards) if len(inspect.signature(parameter).parameters) == 1 else None


def fits(kind: Any, value: Any) -> bool:
    """Whether a rule for one kind of seed is meant: the index of another kind asks for no job."""
    fields = getattr(kind, "model_fields", {})
    wanted = fields["kind"].default if "kind" in fields else None
    return not (isinstance(value, dict) and wanted and value.get("kind", wanted) != wanted)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_parameters_of_every_rule_are_parsed_by_its_script(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: Path
) -> None:
    monkeypatch.chdir(ROOT)
    published(path, shared, tmp_path / "home", monkeypatch)
    campaign, seen = config.load(path), set()
    work = tmp_path / "work"
    work.mkdir()
    (work / "config").symlink_to(ROOT / "config")
    (tmp_path / "shared").symlink_to(shared)
    with SnakemakeApi(OutputSettings()) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(configfiles=[path]),
            snakefile=ROOT / "Snakefile",
            workdir=work,
        )._workflow
    material = workflow.globals["MATERIALS"][0]
    for rule in workflow.rules:
        if rule.script is None:
            continue
        script = ROOT / "scripts" / Path(str(rule.script)).name
        for name, kind in parsed(script):
            for value in values(dict(rule.params.items())[name], campaign, material):
                if value is not None and fits(kind, value):  # None: no such section, no job
                    config.parse(kind, value)
                    seen.add((rule.name, name))
    assert {("train", "potential"), ("engine", "potential"), ("assess", "rounds")} <= seen
