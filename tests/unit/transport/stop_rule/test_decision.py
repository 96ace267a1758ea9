"""The stop rule on silicon: a model that is nearly right ends it, a wrong one does not."""

import json

import numpy as np
import pytest
from ase.build import bulk
from silicon import StillingerWeberSilicon
from stop_rules import baseline_of

from umklapp import config
from umklapp.crystals import frames, phonopy_cells
from umklapp.lattice import force_constants
from umklapp.paths import Material
from umklapp.potentials.ase import AsePotential
from umklapp.potentials.foundation import FoundationPotential
from umklapp.transport import bte
from umklapp.transport.audit.judging import Bounds
from umklapp.transport.baseline import Request
from umklapp.transport.kappa_records import Literature
from umklapp.transport.stop_rule import drawing, kappa
from umklapp.transport.stop_rule.decision import Rule, Spent, decide
from umklapp.transport.stop_rule.record import StopRecord, stopped

REFERENCE = {"engine": "ase", "calculator": "silicon:StillingerWeberSilicon"}
TAYLOR = config.Taylor()
STOP = config.StopRule()
CUBE = [[-1, 1, 1], [1, -1, 1], [1, 1, -1]]


def request(factor):
    model = {
        "package": "ase", "calculator": "silicon:ScaledSilicon", "parameters": {"factor": factor}
    }  # fmt: skip
    section = {"model": model, "stop": {}}
    return Request(
        config.Foundation.model_validate(section),
        config.Phonons(),
        config.Conductivity(mesh=[7, 7, 7], round_mesh=[5, 5, 5]),  # κ jumps on coarser ones,
    )


def rule(asked):
    return Rule(
        STOP, Bounds.of(config.Audit(), config.Rounds()), 300.0, asked, TAYLOR,
        config.parse(config.Reference, REFERENCE),
    )  # fmt: skip


@pytest.fixture(scope="module")
def cells():
    primitive = bulk("Si", "diamond", a=5.431)
    return primitive, phonopy_cells.supercell(primitive, CUBE)


def crystal(cells):
    literature = Literature(experiment_300K=[150.0], ab_initio_green_kubo_300K=[], text="exp. 150")
    return kappa.Crystal("Si-227", *cells, None, literature)


def labelled(asked):
    answer = AsePotential(StillingerWeberSilicon()).evaluate(asked)
    return [
        frames.labelled(atoms, energy, forces)
        for atoms, energy, forces in zip(asked, answer.energy, answer.forces, strict=True)
    ]


def spent(cells, asked):
    """Labels of the rule as the workflow has them."""
    generator = np.random.default_rng(1)
    rattled = drawing.rattled(cells[1], STOP.labels + STOP.check, 0.03, generator)
    quiet = labelled(drawing.asked(rattled, "Si-227", drawing.CORRECTION))
    potential = FoundationPotential(asked.foundation.model)
    model, _ = kappa.corrected(potential, quiet[: STOP.labels], cells[1], asked, TAYLOR)
    thermal, said = drawing.thermal(model, cells, 300.0, STOP.audit, 0.03, generator)
    audit = labelled(drawing.asked(thermal, "Si-227", drawing.AUDIT))
    return Spent(quiet[: STOP.labels], quiet[STOP.labels :], audit, 0, said, {})


@pytest.fixture(scope="module")
def done(cells):
    asked = request(1.02)
    return decide(
        crystal(cells), baseline_of(), spent(cells, asked), rule(asked), np.random.default_rng(0)
    )


def test_a_nearly_right_model_is_done_after_its_labels(done):
    assert done.done, done.words
    assert done.labels == STOP.labels + STOP.check + STOP.audit
    names = ["stable", "sigma", "correction", "sigma of labels", "audit", "kappa"]
    assert [criterion.name for criterion in done.criteria] == names
    assert done.audit.outcome == "passed"
    assert 0 < done.sigma_A_labels < 0.2


def test_its_kappa_is_that_of_the_reference_within_its_error(done, cells):
    asked = request(1.0)
    settings = asked.fit(cells[1])
    calculation = force_constants.prepare(*cells, settings)
    force_constants.evaluate(calculation, AsePotential(StillingerWeberSilicon()), settings)
    truth = bte.solve(calculation, asked.conductivity, [7, 7, 7], -0.05).scalar()[0]
    value, _ = done.conductivity.at_room_temperature
    parts = {part.name: part for part in done.errors.boltzmann.parts}
    assert set(parts) == {"residual", "mesh", "size"}
    assert abs(value - truth) < 2 * parts["residual"].error_W_per_mK[0]
    assert done.errors.boltzmann.total(300.0) >= parts["mesh"].error_W_per_mK[0]
    share = parts["residual"].error_W_per_mK[0] / value
    assert next(c for c in done.criteria if c.name == "kappa").value == pytest.approx(share)


def test_the_record_comes_back_and_rounds_take_precedence(done, tmp_path):
    files = Material(str(tmp_path / "Si-227"))
    done.write(tmp_path / "Si-227/stop.json")
    assert StopRecord.read(tmp_path / "Si-227/stop.json").criteria == done.criteria
    again = stopped(files)
    assert again is not None
    assert again.model_dump(exclude={"versions", "code"}) == done.model_dump(
        exclude={"versions", "code"}
    )
    assert "sound" not in again.events
    (tmp_path / "Si-227/round_00").mkdir()
    assert stopped(files) is None


def test_no_label_corrects_the_model(cells):
    asked = request(1.02)
    nothing = Spent([], [], [], 4, [], {"thermal": "no label has corrected the model"})
    record = decide(crystal(cells), baseline_of(), nothing, rule(asked), np.random.default_rng(0))
    assert [criterion.name for criterion in record.criteria if not criterion.met] == ["correction"]
    assert (record.labels, record.failed) == (0, 4)
    assert record.conductivity is None


def test_an_anharmonic_crystal_does_not_start_the_model(cells):
    """A calculator that does not exist is never made."""
    missing = {"model": {"package": "ase", "calculator": "nowhere:Nothing"}, "stop": {}}
    asked = Request(
        config.Foundation.model_validate(missing), config.Phonons(), config.Conductivity()
    )
    record = decide(
        crystal(cells), baseline_of(sigma=0.4), Spent([], [], [], 0, [], {}), rule(asked),
        np.random.default_rng(0),
    )  # fmt: skip
    assert not record.done
    assert record.labels == 0
    assert json.loads(record.model_dump_json())["conductivity"] is None
