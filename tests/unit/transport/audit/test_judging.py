"""What passes: known errors, failed labels, what so few labels can tell; and the record."""

import re

import numpy as np
import pytest
from conftest import label, rattled
from models import silicon_cubic, silicon_primitive, stillinger_weber

from umklapp import config
from umklapp.crystals import frames, phonopy_cells
from umklapp.crystals.frame_info import FrameInfo
from umklapp.lattice import harmonic_reference
from umklapp.potentials.ase import AsePotential
from umklapp.potentials.committee import Committee
from umklapp.potentials.contract import Prediction as Answer
from umklapp.potentials.taylor.correction import Corrected
from umklapp.transport.audit import drawing, predictions
from umklapp.transport.audit.drawing import Drawn
from umklapp.transport.audit.judging import LARGEST, Bounds, judge
from umklapp.transport.audit.predictions import Prediction
from umklapp.transport.audit.record import AuditRecord

BOUNDS = Bounds(force_error=0.02, largest=0.1, anharmonic=0.5, ratio=3.0)
CUBE = [[-1, 1, 1], [1, -1, 1], [1, 1, -1]]


def forecast(atoms, errors, source="green_kubo", pair=0, corrected=False):
    """K members whose forces are those of the label plus `errors` (K, N, 3) eV/Å."""
    exact = label(atoms)
    return Prediction(
        str(exact.info["frame_id"]),
        source,
        pair,
        np.full(len(errors), exact.get_potential_energy()),
        exact.get_forces() + np.array(errors),
        None,
        corrected,
    )


def members(rms, spread, seed, count=4, atoms=8):
    """Errors (K, N, 3): the mean has this rms per component, members scatter by `spread`."""
    generator = np.random.default_rng(seed)
    scatter = generator.normal(size=(count, atoms, 3))
    scatter -= scatter.mean(axis=0)
    scatter *= spread / np.sqrt((scatter**2).mean())
    common = generator.normal(size=(atoms, 3))
    return scatter + common * rms / np.sqrt((common**2).mean())


def audit(rms=0.01, spread=0.01, source="green_kubo", lost=(), factor=1.0, **more):
    """Six labels of one source with known errors."""
    cells = [rattled(seed) for seed in range(6)]
    forecasts = [
        forecast(atoms, members(rms, spread, seed), source, seed, **more)
        for seed, atoms in enumerate(cells)
    ]
    labels = [label(atoms) for n, atoms in enumerate(cells) if n not in lost]
    return judge(3, forecasts, labels, {}, factor, BOUNDS, {source: 300.0})


def test_known_errors_are_found_and_stand_in_the_sentence():
    record = audit()
    (source,) = record.sources
    assert record.outcome == "passed"
    assert record.round == 3
    assert source.ratio == pytest.approx(1.0)
    assert record.ratio == pytest.approx(1.0)
    assert source.over_spread == pytest.approx(1.0)
    assert source.mae == pytest.approx(0.01 * np.sqrt(2 / np.pi), rel=0.1)
    assert record.mae_upper > record.mae
    assert record.expected_mae == pytest.approx(0.01 * np.sqrt(2 / np.pi), rel=0.1)
    assert source.temperature_K == 300.0
    assert "on 6 labels, expected" in record.words
    assert f"audited: {1e3 * record.mae:.1f} meV/Å (at most" in record.words
    assert "39% of all frames may be worse" in record.text
    assert not record.another_round


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_the_calibration_factor_scales_what_is_expected(factor):
    record, plain = audit(factor=factor), audit()
    assert record.ratio == pytest.approx(plain.ratio / factor)
    assert record.expected_mae == pytest.approx(factor * plain.expected_mae)
    assert record.sources[0].over_spread == pytest.approx(plain.sources[0].over_spread)
    assert record.mae == plain.mae


def test_an_error_above_the_bound_fails_and_says_so():
    record = audit(rms=0.04, spread=0.04)
    assert record.outcome == "failed"
    assert record.another_round
    assert "Green–Kubo: force MAE" in record.text
    assert "(wanted 20.0)" in record.text


def test_one_wrong_atom_fails_where_the_mean_is_good():
    cells = [rattled(seed) for seed in range(6)]
    errors = [members(0.001, 0.01, seed) for seed in range(6)]
    errors[2][:, 5, 0] += 0.3
    forecasts = [forecast(a, e, pair=n) for n, (a, e) in enumerate(zip(cells, errors, strict=True))]
    record = judge(0, forecasts, [label(atoms) for atoms in cells], {}, 1.0, BOUNDS, {})
    assert record.sources[0].mae < BOUNDS.force_error
    assert not record.passed
    assert [c.name for c in record.criteria if not c.met] == ["green_kubo: largest"]


def test_members_that_agree_on_something_wrong_fail():
    record = audit(rms=0.015, spread=0.001)
    assert [c.name for c in record.criteria if not c.met] == ["calibration"]
    assert record.ratio == pytest.approx(15.0, rel=1e-6)
    assert audit(rms=0.001, spread=0.015).passed, "error bars that are too wide are no harm"


def test_the_spread_of_corrected_members_is_reported_and_not_judged():
    record = audit(rms=0.015, spread=0.001, corrected=True)
    assert record.passed
    assert record.ratio is None
    assert record.sources[0].ratio == pytest.approx(15.0, rel=1e-6)


def test_failed_labels_are_counted_and_never_pass():
    record = audit(lost=(0, 3))
    assert (record.asked, record.labels, record.failed) == (6, 4, 2)
    assert record.outcome == "passed"
    assert "2 labels failed and not counted" in record.words
    record = audit(lost=range(6))
    assert record.outcome == "failed"
    assert not record.another_round, "there is nothing to learn from"
    assert "no label, all 6 failed" in record.text
    assert record.mae is None


def test_a_source_without_labels_fails_though_others_are_good():
    cells = [rattled(seed) for seed in range(2)]
    forecasts = [
        forecast(cells[0], members(0.01, 0.01, 0), "thermal", 0),
        forecast(cells[1], members(0.01, 0.01, 1), "green_kubo", 1),
    ]
    record = judge(0, forecasts, [label(cells[0])], {}, 1.0, BOUNDS, {})
    assert not record.passed
    assert "Green–Kubo: no label, all 1 failed" in record.text
    assert record.another_round


def test_one_label_alone_decides_nothing():
    atoms = rattled(0)
    forecasts = [forecast(atoms, members(0.01, 0.01, 0))]
    record = judge(0, forecasts, [label(atoms)], {}, 1.0, BOUNDS, {})
    assert record.outcome == "undecided"
    assert not record.passed
    assert not record.another_round, "the committee has done nothing wrong"
    assert record.mae_upper is None
    assert "one independent frame has no upper limit: raise audit.labels" in record.text
    assert "on 1 label," in record.words


def uneven(sizes, source=lambda n: "green_kubo"):
    """One block per size of the error (rms, eV/Å), all expected to be wrong by 0.02."""
    cells = [rattled(seed) for seed in range(len(sizes))]
    forecasts = [
        forecast(atoms, members(size, 0.02, n), source(n), pair=n)
        for n, (atoms, size) in enumerate(zip(cells, sizes, strict=True))
    ]
    return judge(0, forecasts, [label(atoms) for atoms in cells], {}, 1.0, BOUNDS, {})


def test_a_lucky_mean_whose_limit_is_above_the_bound_is_undecided():
    record = uneven((0.002, 0.02))
    assert record.mae < BOUNDS.force_error < record.mae_upper
    assert record.outcome == "undecided"
    assert "too few to exclude the 20.0 wanted" in record.words
    assert "(at most" not in record.words, "such a limit says nothing"
    assert "2 independent frames cannot exclude" in record.text
    assert "raise audit.labels to about" in record.text


def test_as_many_labels_as_it_asked_for_decide():
    few = uneven((0.004, 0.012))
    asked = int(re.search(r"raise audit.labels to about (\d+)", few.text).group(1))
    assert 3 < asked < 20
    assert uneven((0.004, 0.012) * (asked // 2 + 1)).outcome == "passed"
    assert uneven((0.004, 0.012, 0.008)).outcome == "undecided"


def test_small_errors_of_easy_cells_do_not_excuse_those_of_the_hot_ones():
    """The mean over both sources is well within the bound, the thermal cells alone are not."""

    def source(n):
        return "thermal" if n < 2 else "displaced"

    record = uneven((0.012, 0.022, 0.0005, 0.0009), source)
    scatter = record.mae_upper / record.mae
    assert record.mae < 0.5 * BOUNDS.force_error
    assert record.sources[0].mae < BOUNDS.force_error < scatter * record.sources[0].mae
    assert record.outcome == "undecided"


def test_nothing_drawn_is_not_audited():
    record = judge(1, [], [], {"table": "all used"}, 1.0, BOUNDS, {})
    assert record.outcome == "not audited"
    assert not record.passed
    assert not record.another_round
    assert "table: all used" in record.text


@pytest.mark.parametrize("factor", [None, 2.0])
def test_a_committee_without_uncertainty_is_judged_by_its_errors(factor):
    """One model; or members that are all left out of κ, so that they agree to the last digit."""
    record = audit(spread=0.0, factor=factor, corrected=True)
    assert record.passed
    assert record.expected_mae is None
    assert "no expected error" in record.words


def test_bounds_of_the_configuration():
    rounds = config.Rounds(force_error=0.02)
    assert Bounds.of(config.Audit(), rounds).largest == pytest.approx(LARGEST * 0.02)
    assert Bounds.of(config.Audit(largest_error=0.07), rounds).largest == 0.07


def test_the_record_is_read_as_it_was_written(tmp_path):
    record = audit()
    record.write(tmp_path / "audit.json")
    again = AuditRecord.read(tmp_path / "audit.json")
    assert again.sources == record.sources
    assert again.criteria == record.criteria
    assert again.words == record.words
    assert again.schema_version == AuditRecord.VERSION


class Scaled:
    """Stillinger–Weber silicon with all forces and energies times a number."""

    def __init__(self, scale):
        self.exact, self.scale = AsePotential(stillinger_weber()), scale

    def evaluate(self, atoms):
        answer = self.exact.evaluate(atoms)
        forces = [self.scale * each for each in answer.forces]
        return Answer(self.scale * answer.energy, forces, answer.stress)


def test_a_pass_names_what_no_label_speaks_of():
    """Thermal cells ±u of which one label failed, and no Green–Kubo frame at all."""
    cells = [rattled(seed) for seed in range(2)]
    forecasts = [
        forecast(atoms, members(0.01, 0.01, seed), "thermal", 0) for seed, atoms in enumerate(cells)
    ]
    record = judge(
        0, forecasts, [label(cells[0])], {"green_kubo": "no trajectory"}, 1.0, BOUNDS, {}
    )  # fmt: skip
    assert record.outcome == "undecided", "one label"
    assert "Green–Kubo: not audited, no trajectory" in record.text
    assert "anharmonic forces not audited, no pair of ±u has both labels" in record.text
    assert "not audited" not in audit().reason


def test_a_committee_that_is_ten_percent_too_stiff(tmp_path):
    """The whole way on silicon: drawn, predicted, stored, labelled, judged; errors are known."""
    primitive = silicon_primitive()
    perfect = phonopy_cells.supercell(primitive, CUBE)
    committee = Committee([Scaled(1.0), Scaled(1.2)])
    constants = harmonic_reference.of_potential(committee, primitive, perfect, 0.01)
    harmonic = harmonic_reference.HarmonicReference(perfect, constants, "")
    found = drawing.Ensembles(
        primitive, perfect, constants, config.Phonons(pair_cutoff=3.0), None, [], None, set()
    )
    drawn, missing = drawing.draw(found, config.Audit(), np.random.default_rng(0))
    forecasts = predictions.predict(drawn, committee, committee, harmonic)
    predictions.write(tmp_path / "p.h5", forecasts, missing, 1.0)
    forecasts, missing, factor = predictions.read(tmp_path / "p.h5")
    asked = predictions.candidates(drawn, "Si-227", 2)
    assert {str(FrameInfo.of(atoms).origin) for atoms in asked} == {"audit_02"}
    frames.write_frames(tmp_path / "c.extxyz", asked)
    asked = frames.read_candidates(tmp_path / "c.extxyz")
    labels = [label(atoms) for atoms in asked]
    assert [each.frame_id for each in forecasts] == [each.info["frame_id"] for each in labels]
    record = judge(2, forecasts, labels, missing, factor, BOUNDS, {"thermal": 300.0})
    forces = np.array([each.get_forces() for each in labels])
    assert record.mae == pytest.approx(0.1 * np.abs(forces).mean())
    assert record.ratio == pytest.approx(1.0)  # members at 1.0 and 1.2 scatter by 0.1
    assert record.ratio_upper == pytest.approx(1.0, abs=1e-6)
    thermal, displaced = record.sources
    assert thermal.blocks == 2  # three thermal frames, a pair and one alone
    assert thermal.anharmonic_error == pytest.approx(0.1 * thermal.anharmonic_force_pairs)
    assert displaced.blocks == 3
    assert displaced.anharmonic_force < 0.2 * thermal.anharmonic_force
    assert thermal.anharmonic_force is not None
    assert not record.passed


def test_trajectories_are_judged_by_the_members_that_moved_them():
    """Green–Kubo runs by what moved them; here the force constants alone carry the correction."""
    atoms = frames.strip(rattled(1))
    raw = Committee([Scaled(0.9), Scaled(1.0)])
    static = Committee([Corrected(member, Scaled(0.1)) for member in raw.members])
    perfect = silicon_cubic()
    harmonic = harmonic_reference.HarmonicReference(perfect, np.zeros((24, 24)), "")
    drawn = [Drawn(atoms, source, n) for n, source in enumerate(("thermal", "green_kubo"))]
    thermal, moved = predictions.predict(drawn, raw, static, harmonic)
    exact = label(atoms).get_forces()
    assert thermal.forces == pytest.approx(np.array([1.0, 1.1])[:, None, None] * exact)
    assert moved.forces == pytest.approx(np.array([0.9, 1.0])[:, None, None] * exact)
    assert thermal.corrected
    assert not moved.corrected
    _, corrected = predictions.predict(drawn, static, static, harmonic)
    assert corrected.corrected  # where they carry it in the dynamics, too
    assert thermal.harmonic == pytest.approx(np.zeros((8, 3)))


def test_members_of_the_boltzmann_equation_are_corrected_where_kappa_is():
    perfect = silicon_cubic()
    raw = Committee([Scaled(0.8), Scaled(0.9)])
    assert predictions.production(raw, [], perfect, "none", config.Taylor()) is raw
    labels = [label(rattled(seed, amplitude=0.03)) for seed in range(8)]
    taylor = config.Taylor(noise=1e-4)
    static = predictions.production(raw, labels, perfect, "taylor", taylor)
    assert all(isinstance(member, Corrected) for member in static.members)
    unseen = label(rattled(99, amplitude=0.03))
    for before, after in zip(raw.members, static.members, strict=True):
        errors = [
            np.abs(each.evaluate([unseen]).forces[0] - unseen.get_forces()).mean()
            for each in (before, after)
        ]
        assert errors[1] < 0.3 * errors[0]
