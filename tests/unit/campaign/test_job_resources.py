"""Memory and wall time: cells before and after they are built, factors, meshes, limits."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from umklapp import config
from umklapp.campaign.job_resources import JobResources

JOB = SimpleNamespace(material="Si-227")
EXPECTED = {"Si-227": {"primitive": 2, "sampling": 8, "phonon": 128}}


@pytest.fixture
def resources(plain, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def of(**settings):
        return JobResources(config.validate({**plain, "resources": settings}), EXPECTED)

    return of


def test_requests_grow_with_the_cell_and_the_attempt(resources):
    own = resources()
    assert own.memory("train", 3000)(JOB, 1) == 3000
    assert own.memory("train", 3000, "sampling", 1)(JOB, 1) == 3000, "never below the start"
    assert own.minutes("phonons", 60, "phonon", 2)(JOB, 1) == 240
    assert own.minutes("phonons", 60, "phonon", 2)(JOB, 3) == 720


def test_no_job_asks_for_more_than_the_longest_partition_allows(resources):
    own = replace(resources(), longest=300)
    assert own.minutes("phonons", 60, "phonon", 2)(JOB, 1) == 240
    assert own.minutes("phonons", 60, "phonon", 2)(JOB, 3) == 300
    shorter = replace(resources(max_walltime=100), longest=300)
    assert shorter.minutes("phonons", 60, "phonon", 2)(JOB, 3) == 100


def test_a_rule_without_material_asks_for_its_start(resources):
    assert resources().memory("engine", 4000)(SimpleNamespace(species="2"), 2) == 8000


def test_a_finer_mesh_asks_for_more_time(resources):
    """The forces take as long; the scattering grows with the square of the points."""
    own = resources()
    forces = own.minutes("conductivity_member", 120, "phonon", 2)(JOB, 1)
    coarse, fine = (
        own.minutes("conductivity_member", 120, "phonon", 2, [points] * 3)(JOB, 1) - forces
        for points in (14, 28)
    )
    assert coarse == pytest.approx(0.2 * 64, abs=1)
    assert fine == pytest.approx(0.2 * 64**2, abs=1)


def test_every_rule_has_a_factor_of_its_own(resources):
    own = resources(
        walltime={"conductivity_member": 2, "default": 0.5},
        memory={"train": 3},
        max_memory=5000,
        max_walltime=200,
    )
    assert own.minutes("conductivity_member", 60)(JOB, 1) == 120
    assert own.minutes("conductivity_member", 150)(JOB, 1) == 200
    assert own.minutes("round_conductivity", 60)(JOB, 1) == 30
    assert own.memory("train", 1000)(JOB, 1) == 3000
    assert own.memory("train", 2000)(JOB, 1) == 5000


def test_built_cells_win_over_the_table(resources, tmp_path):
    own = resources()
    ask = own.minutes("explore", 240, "sampling", 1)
    assert ask(JOB, 1) == 240
    path = tmp_path / "results/Si-227/structure/structure.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"atoms": {"primitive": 2, "sampling": 640}}))
    assert ask(JOB, 1) == 2400
    assert own.atoms("Si-227", "phonon") == 128, "what the record has not is as expected"
