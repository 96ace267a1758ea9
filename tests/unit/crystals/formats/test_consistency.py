"""Energies against forces and stresses: right labels have the slope 1, wrong units their own."""

import re

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.calculators.lj import LennardJones
from conftest import diamond, label, labelled_frames, rattled
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from silicon import StillingerWeberSilicon

from umklapp.crystals import frames
from umklapp.crystals.formats import causes, consistency, frame_pairs, given


def springs(count, amplitude=0.1, stiffness=2.0, cells=1.0, seed=0):
    """A harmonic crystal of low symmetry: E = ½ k Σ u² exactly; cells scaled without any energy."""
    generator = np.random.default_rng(seed)
    perfect = bulk("ZnO", "wurtzite", a=3.25, c=5.2, u=0.38) * (2, 1, 1)
    made = []
    for _ in range(count):
        atoms = perfect.copy()
        motion = generator.normal(scale=amplitude, size=atoms.positions.shape)
        motion -= motion.mean(axis=0)
        atoms.positions += motion
        made.append(
            frames.labelled(atoms, 0.5 * stiffness * (motion**2).sum(), -stiffness * motion)
        )
    return made


def strained(count, seed=0, strain=0.02):
    """Silicon under random strains and displacements, with stresses of Stillinger–Weber."""
    generator = np.random.default_rng(seed)
    made = []
    for number in range(count):
        atoms = rattled(number, 0.02)
        change = generator.uniform(-strain, strain, size=(3, 3))
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + (change + change.T) / 2), scale_atoms=True)
        made.append(label(atoms))
    return made


def changed(labels, energy=1.0, forces=1.0, stress=1.0, length=1.0):
    """The same frames in other units: every quantity times a factor."""
    made = []
    for frame in labels:
        atoms = frames.strip(frame)
        atoms.set_cell(atoms.cell.array * length, scale_atoms=True)
        results = frame.calc.results
        made.append(
            frames.labelled(
                atoms,
                results["energy"] * energy,
                results["forces"] * forces,
                results["stress"] * stress if "stress" in results else None,
            )
        )
    return made


def slope_of(labels):
    return consistency.force_slope(frame_pairs.pairs_of(labels))


@drawn(st.floats(0.01, 0.2), st.floats(0.1, 50.0), st.integers(0, 1000))
@settings(max_examples=8, deadline=None)
def test_a_harmonic_crystal_has_the_slope_one_at_any_distance(amplitude, stiffness, seed):
    slope = slope_of(springs(5, amplitude, stiffness, seed=seed))
    assert slope.value == pytest.approx(1.0, abs=1e-5)
    assert slope.right


def test_the_slope_does_not_depend_on_order_rotation_or_origin_of_the_cell():
    labels = labelled_frames(12)
    expected = slope_of(labels).value
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    turned = []
    for number, frame in enumerate(labels):
        atoms = frames.strip(frame)
        atoms.set_cell(atoms.cell.array @ rotation)
        atoms.positions = atoms.positions @ rotation + number * np.array([0.3, 0.1, 2.0])
        atoms.wrap()
        forces = frame.get_forces() @ rotation
        turned.append(frames.labelled(atoms, frame.get_potential_energy(), forces))
    assert slope_of(turned).value == pytest.approx(expected, abs=1e-6)
    assert abs(expected - 1) < 0.03


CAUSES = [
    ({"energy": 1 / units.Hartree}, "energies in Hartree"),
    ({"energy": 1 / units.Rydberg}, "energies in Rydberg"),
    ({"energy": units.mol / units.kcal}, "energies in kcal/mol"),
    ({"energy": units.mol / units.kJ}, "energies in kJ/mol"),
    ({"energy": 1000.0}, "energies in meV"),
    ({"forces": 1000.0}, "forces in meV/Å"),
    ({"forces": units.Bohr}, "forces per bohr"),
    ({"forces": units.Bohr / units.Hartree}, "forces in Hartree/bohr"),
    ({"forces": units.mol / units.kcal}, r"forces in kcal/\(mol Å\)"),
    ({"energy": 1 / units.Hartree, "forces": units.Bohr / units.Hartree}, "Hartree/bohr"),
    ({"length": 1 / units.Bohr}, "positions in bohr"),
    ({"energy": 1 / 8}, "energies per atom"),
    ({"forces": -1.0}, "other sign"),
    ({"energy": 0.8}, "free energy"),
]


@pytest.mark.parametrize(("factors", "cause"), CAUSES, ids=[cause for _, cause in CAUSES])
def test_every_wrong_unit_is_named(factors, cause):
    labels = changed(labelled_frames(12), **factors)
    slope = slope_of(labels)
    assert not slope.right

    assert re.search(cause, " | ".join(causes.force_causes(slope, labels)))


def test_kinetic_energies_in_place_of_potential_ones_are_named():
    """In NVE the kinetic energy falls by what the potential energy gains."""
    labels = labelled_frames(12)
    kinetic = [frames.labelled(f, -f.get_potential_energy() - 30.0, f.get_forces()) for f in labels]
    slope = slope_of(kinetic)
    assert not slope.right
    assert "kinetic" in causes.force_causes(slope, kinetic)[0]


@pytest.mark.parametrize("count", [4, 12])
@pytest.mark.parametrize("seed", range(3))
def test_energies_without_a_relation_to_the_forces_are_refused(count, seed):
    """The error of their slope is so large that 1 is within it; what is left open tells."""
    generator = np.random.default_rng(seed)
    labels = labelled_frames(count)
    spread = np.std([frame.get_potential_energy() for frame in labels])
    for energies, cause in (
        (spread * generator.normal(size=count) - 30.0, "conserved energy"),
        (spread * generator.normal(size=count) + 2.0, "kinetic"),
    ):
        wrong = [
            frames.labelled(f, e, f.get_forces()) for f, e in zip(labels, energies, strict=True)
        ]
        slope = slope_of(wrong)
        assert not slope.right
        assert slope.unexplained > 0.2
        assert count < 12 or cause in causes.force_causes(slope, wrong)[0]
    constant = [frames.labelled(f, -30.0, f.get_forces()) for f in labels]
    assert "conserved energy" in causes.force_causes(slope_of(constant), constant)[0]
    assert slope_of(labels).unexplained < 0.05


def test_forces_of_another_order_of_the_atoms_or_the_axes_are_refused():
    labels = labelled_frames(12)
    for turned in (lambda f: np.roll(f, 1, axis=0), lambda f: f[:, [1, 2, 0]]):
        wrong = [
            frames.labelled(f, f.get_potential_energy(), turned(f.get_forces())) for f in labels
        ]
        slope = slope_of(wrong)
        assert not slope.right


def test_frames_that_differ_by_their_cells_alone_are_right():
    """An equation of state: no atom moves, so that forces say nothing and stresses all."""
    labels = []
    for size in np.linspace(0.98, 1.02, 7):
        atoms = diamond()
        atoms.set_cell(atoms.cell.array * size, scale_atoms=True)
        atoms.calc = StillingerWeberSilicon()
        energy, stress = atoms.get_potential_energy(), atoms.get_stress()
        labels.append(frames.labelled(atoms, energy, atoms.get_forces(), stress))
    pairs = frame_pairs.pairs_of(labels)
    assert consistency.force_slope(pairs) is None
    assert consistency.stress_slope(pairs).right
    wrong = frame_pairs.pairs_of(changed(labels, stress=-1.0))
    assert not consistency.stress_slope(wrong).right


def test_two_frames_far_apart_say_little_and_their_error_says_so():
    slope = slope_of(changed(labelled_frames(2), energy=0.9))
    assert slope.right
    assert slope.error > 0.05


@pytest.mark.parametrize(
    ("factor", "cause"),
    [
        (1.0, None),
        (-1.0, "in eV/Å³, with the other sign"),
        (1 / units.GPa, "in GPa"),
        (-10 / units.GPa, "in kbar, with the other sign"),
        (diamond().get_volume(), r"a virial \(eV\)"),
    ],
)
def test_stress_of_another_sign_or_unit_is_named(factor, cause):

    labels = changed(strained(12), stress=factor)
    slope = consistency.stress_slope(frame_pairs.pairs_of(labels))
    assert slope.right == (cause is None)
    if cause is not None:
        named = causes.stress_causes(slope, labels)
        assert any(re.fullmatch(cause, found) for found in named)
    assert slope_of(labels).right  # the forces are not to blame


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("seed", range(4))
def test_few_frames_of_a_relaxation_of_the_cell_are_right(count, seed):
    """One pair does not determine two slopes, of the work of forces and of that of the stress."""
    labels = strained(count, seed, strain=0.01)
    assert slope_of(labels).right
    assert slope_of(labels).value == pytest.approx(1.0, abs=0.1)
    assert not slope_of(changed(labels, energy=1 / units.Hartree)).right


def test_strained_frames_without_stress_are_held_to_a_wide_bound():
    """Where strains of unknown stress may have made most of the energies, there is no slope."""
    for strain, told in ((0.005, True), (0.02, False)):
        labels = strained(12, strain=strain)
        bare = [frames.labelled(f, f.get_potential_energy(), f.get_forces()) for f in labels]
        slope, wrong = (slope_of(changed(bare, energy=e)) for e in (1.0, 1 / units.Hartree))
        assert (slope is not None) == (wrong is not None) == told
        assert not told or (slope.right and not wrong.right)


def strays_of(labels):
    energies = np.array([frame.get_potential_energy() for frame in labels])
    return consistency.stray_frames(frame_pairs.pairs_of(labels), energies, len(labels[0]))


def test_one_frame_of_another_calculation_is_found():
    labels = labelled_frames(12)
    labels[7].calc.results["energy"] = 0.0
    assert strays_of(labels) == [7]
    labels = labelled_frames(12)
    labels[7].calc.results["energy"] += 0.5  # of another setting
    assert strays_of(labels) == [7]
    assert strays_of(labelled_frames(12)) == []
    labels = changed(labelled_frames(12), energy=1 / units.Hartree)
    assert strays_of(labels) == []  # all are of one kind


def test_a_frame_over_a_barrier_is_no_stray():
    """The work to it is twice too large, its energy among those of the others."""
    labels = wells(40, noise=0.3)
    middle = int(np.argsort([frame.get_potential_energy() for frame in labels])[20])
    labels[middle].calc.results["forces"] = 3 * labels[middle].calc.results["forces"]
    assert strays_of(labels) == []


def test_a_hot_anharmonic_crystal_is_right():
    """Lennard-Jones argon at amplitudes near melting, frames far apart."""
    labels = []
    for seed in range(12):
        atoms = rattled(seed, 0.3, bulk("Ar", "fcc", a=5.4, cubic=True) * (2, 2, 2))
        atoms.calc = LennardJones(sigma=3.4, epsilon=0.0104, rc=8.0, smooth=True)
        labels.append(frames.labelled(atoms, atoms.get_potential_energy(), atoms.get_forces()))
    assert slope_of(labels).right


@pytest.mark.parametrize(("scale", "right"), [(1.0, True), (0.2, False)])
def test_how_far_a_slope_may_be_off_grows_with_the_distance(scale, right):
    """0.80 at 0.12 to 0.28 Å, as in the dynamics of the double-well crystal: no wrong unit."""
    generator = np.random.default_rng(0)
    distance = scale * generator.uniform(0.12, 0.28, 500)
    work = generator.normal(size=500)
    change = 0.8 * work + generator.normal(scale=0.17, size=500)
    numbers, nothing = np.arange(500), np.zeros(500)
    pairs = frame_pairs.Pairs(
        numbers, numbers + 1, change, work, np.ones(500), nothing, distance, distance, nothing
    )
    slope = consistency.force_slope(pairs)
    assert slope.value == pytest.approx(0.8, abs=0.05)
    assert slope.right is right


REAL = [
    ("dft/NaCl-225_vasp_rd003.extxyz", 0.05),
    ("dft/KCl-225_vasp_mlpsscha.extxyz", 0.05),
    ("dft/NaCl-225_phono3py_params.yaml.xz", 0.05),
    ("cui/CuI-216_md300K.extxyz.xz", 0.1),
    ("vibes/mgo_aimd.son", 0.03),
    ("vibes/argon_green_kubo.nc", 0.05),
    ("vibes/aims_md.son", 0.05),
    ("vibes/aims.out", 0.05),
]


@pytest.mark.parametrize(("name", "deviation"), REAL, ids=[name for name, _ in REAL])
def test_real_files_are_believed(shared, name, deviation):
    """Real calculations and dynamics, with displacements up to 1.5 Å and an atom that hops."""
    _, report = given.inspected(shared / "data" / name)
    assert abs(report.force_slope.value - 1) < deviation
    assert report.frames > 1


def wells(count, noise, seed=0):
    """Springs whose energies have a part that the forces at both ends of a step do not show."""
    generator = np.random.default_rng(seed)
    made = []
    for frame in springs(count, amplitude=0.15, seed=seed):
        results = frame.calc.results
        energy = results["energy"] + 4.0
        forces = results["forces"] * (1 + generator.normal(scale=noise, size=(len(frame), 1)))
        made.append(frames.labelled(frames.strip(frame), energy, forces))
    return made


def test_errors_of_the_work_lower_the_slope_and_are_no_wrong_unit():
    """y = x, x measured with an error: the slope of y on x is ⟨y²⟩/⟨x²⟩, that of the inverse 1."""
    slope = slope_of(wells(80, noise=0.6))
    assert slope.value < 0.85
    assert slope.largest == pytest.approx(1.0, abs=0.25)
    assert slope.right


@pytest.mark.parametrize("noise", [0.0, 0.6])
@pytest.mark.parametrize("factor", [units.Bohr, 1 / units.Bohr])
def test_forces_per_bohr_are_seen_through_such_errors(noise, factor):
    slope = slope_of(changed(wells(80, noise), forces=factor))
    assert not slope.right
    if noise:
        assert slope.other_unit
    assert "bohr" in causes.force_causes(slope, changed(wells(80, noise), forces=factor))[0]


def test_an_atom_that_hops_makes_no_stray_frame():
    """Over a barrier the mean of the forces at both ends says nothing about the energies."""
    labels = springs(12, amplitude=0.05)
    hopped = frames.strip(labels[-1])
    results = labels[-1].calc.results
    hopped.positions[0] += 1.6
    forces = results["forces"].copy()
    forces[0] -= 1.5
    labels[-1] = frames.labelled(hopped, results["energy"] + 0.1, forces - forces.mean(axis=0))
    assert strays_of(labels) == []
