"""Elastic constants against analytic ones, other definitions, and the symmetry of crystals."""

import json

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.optimize import BFGS
from ase.spacegroup import crystal
from ase.units import GPa
from conftest import silicon_engine
from hypothesis import given, settings
from hypothesis import strategies as st
from logged import logged
from matscipy.elasticity import elastic_moduli
from models import AsePotential, silicon_cubic, silicon_primitive, springs, stillinger_weber
from scipy.spatial.transform import Rotation

from umklapp import config
from umklapp.crystals.materials import primitive_cell
from umklapp.errors import CalculationError, InputError
from umklapp.lattice.elastic import committee, moduli, strain, tensor
from umklapp.lattice.elastic.record import (
    ElasticRecord,
    ElasticReference,
    MemberFailure,
    MemberTensor,
)
from umklapp.lattice.elastic.symmetry import INDEPENDENT, point_group
from umklapp.potentials.calculator import PotentialCalculator
from umklapp.reference import relaxation
from umklapp.reference.labelling import LabellingCalculator
from umklapp.reference.ledger import Ledger
from umklapp.report.figures import elastic as figure

AMPLITUDES = [0.0025, 0.005]
RELAXED = 5.43095  # Å, zero stress of the potential


def measured(atoms, calculator=None, amplitudes=AMPLITUDES, fmax=1e-6):
    return strain.measure(atoms, calculator or stillinger_weber(), amplitudes, fmax)


def analytic(atoms):
    """C_IJ (GPa) by matscipy: Born term and non-affine part from analytic second derivatives."""
    large = atoms * (2, 2, 2)
    large.calc = stillinger_weber()
    found = large.calc.get_property("elastic_constants", large) / GPa
    return np.array([[found[one + two] for two in tensor.PAIRS] for one in tensor.PAIRS])


def hexagonal_silicon(tmp_path):
    start = crystal(
        "Si", [(1 / 3, 2 / 3, 0.0625)], spacegroup=194, cellpar=[3.84, 3.84, 6.27, 90, 90, 120]
    )
    cell = primitive_cell(start)
    return relaxation.relax_with(cell, stillinger_weber(), tmp_path, 1e-6, 1e-8)[0]


def argon():
    return LennardJones(sigma=3.4, epsilon=0.0104, rc=8.5, ro=6.5, smooth=True)


def stretched(diagonal=(1, 1, 1), shears=(0, 0, 0)):
    """Diamond under a strain, its ions at rest: less symmetry, and under stress."""
    deformation = np.diag(np.array(diagonal, float))
    for (i, j), shear in zip(((1, 2), (0, 2), (0, 1)), shears, strict=True):
        deformation[i, j] = deformation[j, i] = shear
    atoms = silicon_cubic()
    atoms.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
    atoms.calc = stillinger_weber()
    BFGS(atoms, logfile=None).run(fmax=1e-9)
    return atoms


@pytest.mark.parametrize("cell", [silicon_primitive(RELAXED), bulk("Si", a=RELAXED, cubic=True)])
def test_silicon_agrees_with_analytic_constants(cell):
    found = measured(cell)
    exact = analytic(bulk("Si", a=RELAXED, cubic=True))
    np.testing.assert_allclose(found.stiffness, exact, rtol=1e-3, atol=1e-3)
    assert found.stiffness[0, 0] == pytest.approx(151.4, rel=2e-3)  # a published value
    assert np.abs(found.residual).max() < 0.01
    assert found.fit_error < 0.1
    assert found.largest_force <= 1e-6


def test_relaxation_of_the_ions_matters():
    """Clamped ions make C44 of diamond nearly twice as stiff; C11 and C12 are the same."""
    cell = silicon_primitive(RELAXED)
    clamped = measured(cell, fmax=1e3)
    relaxed = measured(cell)
    assert clamped.stiffness[3, 3] > 1.5 * relaxed.stiffness[3, 3]
    assert clamped.stiffness[0, 0] == pytest.approx(relaxed.stiffness[0, 0], rel=1e-3)


def test_hexagonal_crystal_with_an_inner_coordinate(tmp_path):
    cell = hexagonal_silicon(tmp_path)
    found = measured(cell)
    np.testing.assert_allclose(found.stiffness, analytic(cell), rtol=1e-3, atol=2e-3)
    c = found.standard
    assert (found.group.laue, found.group.independent) == ("6/mmm", 5)
    assert c[5, 5] == pytest.approx((c[0, 0] - c[0, 1]) / 2)
    assert found.asymmetry < 0.05


def test_central_forces_obey_cauchy(tmp_path):
    cell, _ = relaxation.relax_with(bulk("Ar", a=5.3), argon(), tmp_path, 1e-6, 1e-9)
    c = measured(cell, argon(), fmax=1e-5).stiffness
    assert c[0, 1] == pytest.approx(c[3, 3], rel=2e-3)
    assert c[0, 0] > c[0, 1] > 0


@pytest.mark.parametrize(
    ("diagonal", "shears", "laue", "constants"),
    [
        ((1, 1, 1), (0.01, 0.01, 0.01), "-3m", 6),
        ((1, 1, 1.02), (0, 0, 0), "4/mmm", 6),
        ((1.01, 0.99, 1.02), (0, 0, 0), "mmm", 9),
        ((1.01, 0.99, 1.02), (0, 0.01, 0), "2/m", 13),
        ((1.01, 0.99, 1.02), (0.005, 0.01, -0.015), "-1", 21),
    ],
)
def test_lower_symmetry_against_stresses_of_small_strains(diagonal, shears, laue, constants):
    """∂σ/∂ε of the Cauchy stress, all six strains, no symmetry, no Lagrangian measure.

    The crystals are under GPa of stress, so that this checks `under_stress` as well.
    """
    atoms = stretched(diagonal, shears)
    step, slopes = 1e-3, np.empty((6, 6))
    for number, (i, j) in enumerate(tensor.PAIRS):
        ends = []
        for signed in (step, -step):
            small = np.zeros((3, 3))
            small[i, j] += signed / 2
            small[j, i] += signed / 2
            moved = atoms.copy()
            moved.set_cell(atoms.cell.array @ (np.eye(3) + small), scale_atoms=True)
            moved.calc = stillinger_weber()
            BFGS(moved, logfile=None).run(fmax=1e-7)
            ends.append(moved.get_stress())
        slopes[:, number] = (ends[0] - ends[1]) / (2 * step) / GPa
    found = measured(atoms, amplitudes=[0.001, 0.002], fmax=1e-7)
    assert np.abs(found.residual).max() > 0.5
    load = tensor.matrix(found.residual * tensor.SCALE)
    ours = tensor.to_voigt(tensor.under_stress(tensor.from_voigt(found.stiffness), load))
    np.testing.assert_allclose(ours, (slopes + slopes.T) / 2, atol=0.05)
    assert (found.group.laue, found.group.independent) == (laue, constants)


def test_trigonal_constants_in_the_standard_setting():
    c = measured(stretched(shears=(0.01, 0.01, 0.01))).standard
    assert c[0, 3] == pytest.approx(-c[1, 3])
    assert c[0, 3] == pytest.approx(c[4, 5])
    assert abs(c[0, 3]) > 1
    assert c[5, 5] == pytest.approx((c[0, 0] - c[0, 1]) / 2)
    np.testing.assert_allclose(c[[0, 1, 2], 4], 0, atol=1e-8)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_turning_the_crystal_turns_the_tensor(seed):
    turn = Rotation.random(rng=seed).as_matrix()
    cell = silicon_primitive(RELAXED)
    found = measured(cell)
    cell.set_cell(cell.cell.array @ turn.T, scale_atoms=True)
    turned = measured(cell)
    expected = tensor.to_voigt(tensor.rotate(tensor.from_voigt(found.stiffness), turn))
    np.testing.assert_allclose(turned.stiffness, expected, atol=1e-3)
    np.testing.assert_allclose(turned.standard, found.standard, atol=1e-3)
    assert turned.evaluations == found.evaluations, "no more strains than in standard axes"


def test_energies_have_the_same_curvature(tmp_path):
    cell = hexagonal_silicon(tmp_path)
    for from_stress, from_energy in measured(cell).curvature:
        assert from_stress == pytest.approx(from_energy, rel=1e-3)


def test_piola_stress_is_the_derivative_of_the_energy():
    """At a large strain too, where it is not the Cauchy stress."""
    atoms, eta = silicon_cubic(), np.array([[0.03, 0.01, 0], [0.01, -0.02, 0.02], [0, 0.02, 0.01]])

    def energy(lagrangian):
        moved = strain.strained(atoms, lagrangian)
        moved.calc = stillinger_weber()
        return moved.get_potential_energy(), moved.get_stress(voigt=False)

    found = strain.piola(energy(eta)[1], eta)
    for pair in tensor.PAIRS:
        small = np.zeros((3, 3))
        small[pair] += 5e-6
        small[pair[::-1]] += 5e-6
        slope = (energy(eta + small)[0] - energy(eta - small)[0]) / 2e-5 / atoms.cell.volume
        assert slope == pytest.approx(found[pair], abs=1e-7)
    square = strain.stretch(eta) @ strain.stretch(eta)
    np.testing.assert_allclose(square, np.eye(3) + 2 * eta, atol=1e-14)


CRYSTALS = {
    "-1": (2, [4, 5, 6, 80, 95, 103]),
    "2/m": (14, [4, 5, 6, 90, 103, 90]),
    "mmm": (62, [4, 5, 6, 90, 90, 90]),
    "4/m": (85, [5, 5, 6, 90, 90, 90]),
    "4/mmm": (123, [5, 5, 6, 90, 90, 90]),
    "-3": (148, [5, 5, 6, 90, 90, 120]),
    "-3m": (164, [5, 5, 6, 90, 90, 120]),
    "6/m": (175, [5, 5, 6, 90, 90, 120]),
    "6/mmm": (191, [5, 5, 6, 90, 90, 120]),
    "m-3": (200, [7, 7, 7, 90, 90, 90]),
    "m-3m": (221, [7, 7, 7, 90, 90, 90]),
}


@pytest.mark.parametrize("laue", CRYSTALS)
def test_symmetry_of_every_laue_class(laue):
    """Nye's counts; strains that symmetry says are enough give back any tensor it allows."""
    number, cellpar = CRYSTALS[laue]
    atoms = crystal("Si", [(0.113, 0.237, 0.341)], spacegroup=number, cellpar=cellpar)
    turn = Rotation.random(rng=number).as_matrix()
    atoms.set_cell(atoms.cell.array @ turn.T, scale_atoms=True)
    group = point_group(atoms)
    assert group.laue == laue
    assert group.independent == INDEPENDENT[laue]
    random = np.random.default_rng(number).normal(size=(6, 6))
    allowed = group.symmetrise(random @ random.T)
    directions = group.directions()
    np.testing.assert_allclose(group.fit(directions, directions @ allowed), allowed, atol=1e-10)
    np.testing.assert_allclose(group.symmetrise(allowed), allowed, atol=1e-12)
    standard = tensor.to_voigt(tensor.rotate(allowed, group.standard))
    shown = [standard[i - 1, j - 1] for i, j in committee.constants(laue)]
    assert len(shown) >= INDEPENDENT[laue]
    assert np.abs(shown).min() > 1e-6, "a constant that symmetry forbids is no use in a table"
    expected = {"m-3m": 2, "m-3": 2, "6/mmm": 3, "6/m": 3, "mmm": 6, "2/m": 6, "-1": 6}
    assert len(directions) == expected.get(laue, len(directions))


def test_fewest_shown_constants_are_the_independent_ones():
    for laue, count in INDEPENDENT.items():
        assert len(committee.constants(laue)) == count


def test_supercell_has_the_tensor_of_its_crystal():
    """A cell with less symmetry than the crystal: still cubic constants."""
    long = silicon_primitive(RELAXED) * (1, 1, 2)
    np.testing.assert_allclose(
        measured(long).stiffness, measured(silicon_primitive(RELAXED)).stiffness, atol=1e-3
    )


def test_moduli_against_another_code(tmp_path):
    c = measured(hexagonal_silicon(tmp_path)).stiffness
    found = moduli.averages(c)
    assert found.bulk_voigt_GPa > found.bulk_reuss_GPa > 0
    assert found.shear_voigt_GPa > found.shear_GPa > found.shear_reuss_GPa
    assert found.anisotropy > 0
    assert found.bulk_reuss_GPa == pytest.approx(float(elastic_moduli(c)[3]), rel=1e-6)
    axes = np.random.default_rng(1).normal(size=(40, 3))
    young = [elastic_moduli(c, l=axis)[0][0] for axis in axes]
    assert min(young) < found.young_GPa < max(young)


def test_moduli_of_an_isotropic_body():
    lame, shear = 40.0, 30.0
    c = np.diag([2 * shear] * 3 + [shear] * 3)
    c[:3, :3] += lame
    found = moduli.averages(c)
    for kind in ("bulk_voigt_GPa", "bulk_reuss_GPa", "bulk_GPa"):
        assert getattr(found, kind) == pytest.approx(lame + 2 * shear / 3)
    for kind in ("shear_voigt_GPa", "shear_reuss_GPa", "shear_GPa"):
        assert getattr(found, kind) == pytest.approx(shear)
    assert found.young_GPa == pytest.approx(shear * (3 * lame + 2 * shear) / (lame + shear))
    assert found.poisson == pytest.approx(lame / (2 * (lame + shear)))
    assert found.anisotropy == pytest.approx(0, abs=1e-12)
    # Kelvin moduli: 3B once, 2G five times
    kelvin = moduli.stability(c, np.zeros(6)).kelvin_moduli_GPa
    np.testing.assert_allclose(kelvin, [60] * 5 + [3 * (lame + 20)])


def test_body_centred_argon_is_unstable(tmp_path):
    """Lennard-Jones prefers close packing: the Bain path, C11 − C12 < 0."""
    cell, _ = relaxation.relax_with(bulk("Ar", "bcc", a=4.2), argon(), tmp_path, 1e-6, 1e-9)
    found = measured(cell, argon(), fmax=1e-5).numbers()
    assert not found.stable
    assert found.bulk_GPa is None
    assert found.poisson is None
    assert len(found.failing) == 2
    for mode in found.failing:
        assert mode.modulus_GPa < 0
        assert sum(mode.strain[:3]) == pytest.approx(0, abs=1e-5)
        np.testing.assert_allclose(mode.strain[3:], 0, atol=1e-6)
    json.dumps(found.model_dump(mode="json"), allow_nan=False)


def test_pressure_can_break_stability():
    """Under pressure P a shear modulus is C44 − P."""
    c = np.diag([200.0, 200, 200, 20, 20, 20])
    assert moduli.stability(c, np.zeros(6)).stable
    pressed = moduli.stability(c, np.array([-21.0, -21, -21, 0, 0, 0]))
    assert len(pressed.failing) == 3
    assert pressed.failing[0].modulus_GPa == pytest.approx(2 * (20 - 21))


def test_committee_relaxes_every_member(tmp_path):
    options = config.Elastic(fmax=1e-5)
    members = [
        committee.member(silicon_primitive(5.5), AsePotential(each), options, tmp_path)
        for each in (stillinger_weber(), stillinger_weber())
    ]
    stiffer = (2 * np.array(members[1].C_GPa)).tolist()
    members[1] = members[1].model_copy(update={"C_GPa": stiffer})
    found = committee.combine(members)
    assert found.C_GPa[0][0] == pytest.approx(1.5 * 151.4, rel=2e-3)
    assert found.C_GPa_std[0][0] == pytest.approx(0.5 * 151.4, rel=2e-3)
    assert found.bulk_GPa_std == 0
    assert found.stable_members == 2
    assert found.volume_A3_per_atom == pytest.approx(RELAXED**3 / 8, rel=1e-3)
    here = committee.member(
        silicon_primitive(5.5), AsePotential(stillinger_weber()),
        config.Elastic(relax=False), tmp_path,
    )  # fmt: skip
    assert here.residual_stress_GPa[0] > 1
    json.dumps(found.model_dump(mode="json"), allow_nan=False)


def test_member_without_stress_is_a_reason(tmp_path):
    cell = silicon_primitive(RELAXED)
    for relax in (True, False):
        options = config.Elastic(relax=relax)
        bad = committee.member(cell, springs(cell, 5.0), options, tmp_path)
        assert "has no stress" in bad.not_computed
    found = committee.combine([bad, bad])
    assert found.C_GPa is None
    assert found.stable_members is None
    assert found.not_computed.startswith("member 0: ")
    assert "; member 1: " in found.not_computed


def test_ions_that_do_not_come_to_rest(monkeypatch):
    monkeypatch.setattr(strain, "MAX_STEPS", 1)
    with pytest.raises(CalculationError, match=r"do not come to rest .* eV/Å after 1 steps"):
        measured(silicon_primitive(RELAXED), fmax=1e-12)


def test_reference_labels_are_kept_and_counted(tmp_path):
    engine, ledger = silicon_engine("CountingSilicon"), Ledger(tmp_path / "ledger")

    def calculator():
        return LabellingCalculator(engine, ledger, tmp_path / "work", 60, "elastic")

    first = calculator()
    found = measured(silicon_primitive(RELAXED), first, fmax=1e-4)
    assert found.stiffness[0, 0] == pytest.approx(151.4, rel=2e-3)
    kept = list((tmp_path / "ledger").rglob("*.extxyz"))
    assert len(first.asked) == len(kept) <= found.evaluations
    again = calculator()
    with logged() as messages:
        measured(silicon_primitive(RELAXED), again, fmax=1e-4)
    assert again.asked == first.asked
    assert all("known already" in text or text.startswith("strain ") for text in messages)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("StresslessSilicon", "'ase' gives no stress"),
        ("DivergingSilicon", "got no label, not_finite"),
    ],
)
def test_reference_that_cannot(tmp_path, name, message):
    calculator = LabellingCalculator(
        silicon_engine(name), Ledger(tmp_path), tmp_path, 60, "elastic"
    )
    with pytest.raises(CalculationError, match=message):
        measured(silicon_primitive(RELAXED), calculator, fmax=1e-3)


def test_potential_as_a_calculator():
    atoms = silicon_cubic()
    atoms.rattle(0.05, seed=1)
    atoms.calc = stillinger_weber()
    copy = atoms.copy()
    copy.calc = PotentialCalculator(AsePotential(stillinger_weber()))
    assert copy.get_potential_energy() == pytest.approx(atoms.get_potential_energy())
    np.testing.assert_allclose(copy.get_forces(), atoms.get_forces(), atol=1e-10)
    np.testing.assert_allclose(copy.get_stress(), atoms.get_stress(), atol=1e-10)


def test_settings_that_cannot_be():
    for bad in ([0.1], [0.002, 0.002], []):
        with pytest.raises(ValueError, match=r"amplitudes|at least 1"):
            config.Elastic(amplitudes=bad)
    assert config.Elastic(amplitudes=[0.004, 0.002]).amplitudes == [0.002, 0.004]


def test_campaign_that_cannot_have_them(plain):
    plain["elastic"] = {"reference": True}
    assert config.validate(plain).elastic.reference
    lookup = plain | {
        "reference": {"engine": "lookup", "path": "table.extxyz"},
        "seeds": [{"kind": "frames", "path": "table.extxyz"}],
        "exploration": {"kind": "pool"},
        "materials": plain["materials"] | {"relax": False},
    }
    with pytest.raises(InputError, match=r"elastic.reference needs an engine that calculates"):
        config.validate(lookup)
    plain["potential"] = {"baseline": "taylor", "training": {"stress_weight": 0}}
    plain["materials"]["phonon_supercell"] = plain["materials"]["sampling_supercell"]
    with pytest.raises(InputError, match=r"elastic: .* Taylor baseline has no stress"):
        config.validate(plain)


DETAILS = {"material": "Si-227", "settings": {}, "models": []}


@pytest.mark.parametrize("own", [True, False])
def test_figure_and_its_table(tmp_path, own):
    numbers = measured(silicon_primitive(RELAXED)).numbers()
    tensor_of_member = MemberTensor(**dict(numbers), volume_A3_per_atom=20.0)
    labels = {"labels": 7, "engine": "ase", "settings_hash": "s", "settings": {}}
    record = ElasticRecord(
        **dict(committee.combine([tensor_of_member, tensor_of_member])),
        **DETAILS,
        reference=ElasticReference(**dict(numbers), **labels) if own else None,
    )
    record.write(tmp_path / "elastic.json")
    assert ElasticRecord.read(tmp_path / "elastic.json").members == record.members
    table = figure.table(record)
    assert table["constant"].tolist() == ["C11", "C12", "C44", "B"]
    assert table["committee_GPa"][3] == pytest.approx(101.4, rel=2e-3)
    assert table["reference_GPa"].notna().all() == own
    figure.draw(record, "Si-227", [tmp_path / "a.png", tmp_path / "a.pdf"])
    assert (tmp_path / "a.png").stat().st_size > 5000
    failed = committee.combine([MemberFailure(not_computed="no stress")])
    failed = ElasticRecord(**dict(failed), **DETAILS, reference=None)
    assert figure.table(failed).empty
    figure.draw(failed, "Si-227", [tmp_path / "b.png"])


def test_nearly_symmetric_cell_is_told(monkeypatch):
    monkeypatch.setitem(INDEPENDENT, "m-3m", 4)
    with pytest.raises(InputError, match="not quite symmetric"):
        point_group(silicon_primitive())
