"""Frames of another setting, origin, orientation, handedness or order come back, or are refused."""

import itertools
import lzma

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import read
from ase.spacegroup import crystal
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from umklapp.crystals import frames, materials, phonopy_cells, registration, sites
from umklapp.crystals.orientations import Sites, lattice_maps
from umklapp.errors import InputError

CUBE = [[-2, 2, 2], [2, -2, 2], [2, 2, -2]]
SIGNS = [np.diag(signs) for signs in itertools.product((1, -1), repeat=3)]
CUBIC = [
    sign @ np.eye(3)[list(axes)] for sign in SIGNS for axes in itertools.permutations(range(3))
]
"""The 48 rotations of a cube, proper and improper."""


def low_symmetry() -> Atoms:
    """A cubic lattice with a motif that has no symmetry at all: only one setting is right."""
    places = [[0.02, 0.0, 0.03], [0.52, 0.47, 0.05], [0.45, 0.08, 0.5], [0.1, 0.55, 0.45],
              [0.25, 0.3, 0.8]]  # fmt: skip
    return Atoms("CuAuCuAuAg", cell=np.eye(3) * 4.6, scaled_positions=places, pbc=True)


def zincblende() -> Atoms:
    """64 atoms; as EMT knows it."""
    return phonopy_cells.supercell(bulk("CuAu", "zincblende", a=5.6), CUBE)


def label(atoms: Atoms, **info) -> Atoms:
    work = atoms.copy()
    work.calc = EMT()
    labels = work.get_potential_energy(), work.get_forces(), work.get_stress()
    return frames.labelled(atoms, *labels, **info)


def displaced(perfect: Atoms, seed: int, size: float = 0.08) -> Atoms:
    frame = perfect.copy()
    frame.positions += np.random.default_rng(seed).normal(scale=size, size=(len(perfect), 3))
    return frame


def rewritten(atoms: Atoms, seed: int, rotation: np.ndarray, permute: bool = True) -> Atoms:
    """The same atoms turned, shifted, wrapped, in another order and other vectors of the cell."""
    generator = np.random.default_rng(seed)
    vectors = np.rint(CUBIC[generator.integers(48)]).astype(int)
    other = Atoms(atoms.numbers, cell=vectors @ atoms.cell.array @ rotation, pbc=True)
    other.positions = (atoms.positions + generator.uniform(-5, 5, 3)) @ rotation
    other.wrap()
    return other[generator.permutation(len(other))] if permute else other


def orthogonal(seed: int) -> np.ndarray:
    """A random orthogonal matrix, proper or improper."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]


def check_labels(frame: Atoms) -> None:
    """The labels are those that the calculator gives for the frame as it stands."""
    again = label(frame)
    assert frame.get_potential_energy() == pytest.approx(again.get_potential_energy(), abs=1e-6)
    np.testing.assert_allclose(frame.get_forces(), again.get_forces(), atol=1e-5)
    np.testing.assert_allclose(frame.get_stress(), again.get_stress(), atol=1e-7)


@given(st.integers(0, 10**6), st.booleans())
@examples(max_examples=25)
def test_a_crystal_without_symmetry_comes_back_as_it_was(seed, improper):
    perfect = low_symmetry()
    wanted = label(displaced(perfect, seed))
    rotation = orthogonal(seed)
    rotation *= np.sign(np.linalg.det(rotation)) * (-1 if improper else 1)
    strange = label(rewritten(wanted, seed, rotation), time=3.0)
    (found,), report = registration.register([strange], perfect, "test")
    u = sites.of_frames([found, wanted], perfect)
    np.testing.assert_allclose(u[0], u[1], atol=1e-6)
    np.testing.assert_allclose(found.cell.array, perfect.cell.array, atol=1e-6)
    np.testing.assert_allclose(found.get_forces(), wanted.get_forces(), atol=1e-5)
    np.testing.assert_allclose(found.get_stress(), wanted.get_stress(), atol=1e-7)
    assert found.get_potential_energy() == pytest.approx(wanted.get_potential_energy(), abs=1e-6)
    assert found.info["time"] == 3.0
    assert report.residuals[0] == pytest.approx(np.linalg.norm(u[1], axis=1).mean(), abs=1e-6)


@pytest.mark.parametrize("species", ["CuAuCuAg", "CuAuCuAu"])
@pytest.mark.parametrize("shift", [[0, 0, 0], [0.4, 1.0, -2.0]])
def test_a_crystal_that_is_nearly_a_translation_of_itself(species, shift):
    """Exchanged pairs of atoms look like a drift, with the wrong species or the wrong sites."""
    places = [[0.02, 0.0, 0.03], [0.52, 0.47, 0.05], [0.45, 0.08, 0.5], [0.1, 0.55, 0.45]]
    perfect = Atoms(species, cell=np.eye(3) * 4.4, scaled_positions=places, pbc=True)
    wanted = label(displaced(perfect, 1, 0.03))
    other = wanted[[2, 3, 0, 1]]
    other.positions += np.array(shift)
    (found,), _ = registration.register([label(other)], perfect, "test")
    assert (found.numbers == perfect.numbers).all()
    np.testing.assert_allclose(found.get_forces(), wanted.get_forces(), atol=1e-5)


@pytest.mark.parametrize("number", range(0, 48, 5))
def test_a_symmetric_crystal_comes_back_with_its_labels(number):
    perfect = zincblende()
    wanted = displaced(perfect, number)
    strange = label(rewritten(wanted, number, CUBIC[number]))
    (found,), _ = registration.register([strange], perfect, "test")
    check_labels(found)
    assert (found.numbers == perfect.numbers).all()
    lengths = [np.sort(np.linalg.norm(sites.of_frames([f], perfect)[0], axis=1))
               for f in (found, wanted)]  # fmt: skip
    np.testing.assert_allclose(*lengths, atol=1e-6)


@pytest.mark.parametrize("key", ["Mg3Sb2-164", "SnSe-62", "ZnO-186", "BaSi2-62"])
def test_crystals_of_the_table(key, root):
    """Turned, strained, shifted and shuffled: forces that are the displacements come back so."""
    generator = np.random.default_rng(len(key))
    row = materials.read_table(root / "config/materials.csv").loc[key]
    primitive = materials.build_primitive(row, root / "config/structures")
    perfect = phonopy_cells.supercell(primitive, np.diag([2, 2, 1]).tolist())
    u = generator.normal(scale=0.08, size=(len(perfect), 3))
    rotation, order = orthogonal(len(key)), generator.permutation(len(perfect))
    given = Atoms(perfect.numbers[order], cell=1.004 * perfect.cell.array @ rotation, pbc=True)
    moved = perfect.copy()
    moved.positions += u
    given.set_scaled_positions((moved.get_scaled_positions() + generator.uniform(size=3))[order])
    given.wrap()
    frame = frames.labelled(given, -1.0, (u @ rotation)[order])
    (found,), report = registration.register([frame], perfect, key)
    forces = found.get_forces()
    apart = sites.of_frames([found], perfect)[0]
    np.testing.assert_allclose(forces - forces.mean(axis=0), apart, atol=1e-6)
    assert report.strains == [pytest.approx(0.004, abs=1e-6)]


LOW_SYMMETRY = {
    "wurtzite": lambda: bulk("ZnO", "wurtzite", a=3.25, c=5.2).repeat((2, 2, 2)),
    "chalcopyrite": lambda: crystal(
        ["Cu", "In", "Se"], [(0, 0, 0), (0, 0, 0.5), (0.22, 0.25, 0.125)], spacegroup=122,
        cellpar=[5.78, 5.78, 11.62, 90, 90, 90],
    ).repeat((2, 1, 1)),
    "SG 166": lambda: crystal(
        ["Bi", "Te", "Te"], [(0, 0, 0.4), (0, 0, 0), (0, 0, 0.21)], spacegroup=166,
        cellpar=[4.38, 4.38, 30.5, 90, 90, 120], primitive_cell=True,
    ).repeat((3, 3, 1)),
    "quartz, which is chiral": lambda: crystal(
        ["Si", "O"], [(0.47, 0, 0), (0.414, 0.268, 0.119)], spacegroup=152,
        cellpar=[4.91, 4.91, 5.4, 90, 90, 120],
    ).repeat((2, 2, 1)),
}  # fmt: skip


def skewed(generator: np.random.Generator) -> np.ndarray:
    """Other vectors of the same lattice, (3, 3) integers of determinant ±1."""
    basis = np.eye(3, dtype=int)[generator.permutation(3)]
    for _ in range(3):
        one, two = generator.permutation(3)[:2]
        basis[one] += generator.choice([-1, 1]) * basis[two]
    return basis


def in_another_setting(
    perfect: Atoms, u: np.ndarray, generator: np.random.Generator, rotation: np.ndarray,
    order: np.ndarray,
) -> Atoms:  # fmt: skip
    """The crystal displaced by u (N, 3) Å, turned, shifted, in other vectors and another order.

    The forces are u: where they are laid on the sites together with the positions, they still are.
    """
    other = Atoms(perfect.numbers, cell=skewed(generator) @ perfect.cell.array, pbc=True)
    other.positions = perfect.positions + u + generator.uniform(-5, 5, 3)
    other.set_cell(other.cell.array @ rotation)
    other.positions = other.positions @ rotation
    other.wrap()
    return frames.labelled(other[order], -1.0, (u @ rotation)[order])


@pytest.mark.parametrize("name", LOW_SYMMETRY)
@given(st.integers(0, 10**6))
@examples(max_examples=4, deadline=None)
def test_any_setting_of_a_low_symmetry_crystal(name, seed):
    """Both hands, any vectors, origin and order; warm, strained, and with one atom that hopped."""
    generator = np.random.default_rng(seed)
    perfect = LOW_SYMMETRY[name]()
    rotation, order = orthogonal(seed), generator.permutation(len(perfect))
    rotation *= generator.choice([-1, 1])
    u = generator.normal(scale=0.06, size=(3, len(perfect), 3))
    u[1, 7] += [1.1, 0.9, -1.2]
    given = [
        in_another_setting(perfect, each, np.random.default_rng(seed), rotation, order)
        for each in u
    ]
    found, report = registration.register(given, perfect, name)
    assert report.settings == 1
    apart = sites.of_frames(found, perfect)
    for frame, displacement, shift in zip(found, u, apart, strict=True):
        assert (frame.numbers == perfect.numbers).all()
        forces = frame.get_forces()
        rest = forces - forces.mean(axis=0) - shift
        lattice = np.linalg.solve(perfect.cell.array.T, rest.T).T
        np.testing.assert_allclose(lattice - np.rint(lattice), 0, atol=1e-6)
        # as far from the sites as they are, not a cell or a neighbour farther
        lengths = [
            np.sort(np.linalg.norm(x - x.mean(axis=0), axis=1)) for x in (shift, displacement)
        ]
        np.testing.assert_allclose(*lengths, atol=1e-6)
    assert report.residuals[0] < 0.15


@pytest.mark.parametrize("name", ["wurtzite", "SG 166"])
def test_two_sources_of_other_orders_in_one_file(name):
    perfect = LOW_SYMMETRY[name]()
    generator = np.random.default_rng(5)
    u = generator.normal(scale=0.05, size=(6, len(perfect), 3))
    ways = [(orthogonal(n), generator.permutation(len(perfect)), n) for n in (1, 2)]
    given = []
    for number, each in enumerate(u):
        rotation, order, seed = ways[number // 3]
        given.append(
            in_another_setting(perfect, each, np.random.default_rng(seed), rotation, order)
        )
    found, report = registration.register(given, perfect, name)
    assert report.settings == 2
    apart = sites.of_frames(found, perfect)
    forces = np.array([frame.get_forces() for frame in found])
    np.testing.assert_allclose(forces - forces.mean(axis=1, keepdims=True), apart, atol=1e-6)


def test_another_supercell_of_the_same_crystal_is_left_as_it_is():
    """As many atoms, the same crystal, other vectors: 2 × 2 × 2 and 4 × 2 × 1."""
    primitive = bulk("ZnO", "wurtzite", a=3.25, c=5.2)
    perfect, other = primitive.repeat((2, 2, 2)), primitive.repeat((4, 2, 1))
    frame = frames.labelled(other, -1.0, np.zeros((len(other), 3)))
    (found,), report = registration.register([frame], perfect, "test")
    assert found is frame
    assert report.other_cells == 1


def test_a_conventional_cell_is_the_primitive_supercell():
    """Eight primitive cells of rock salt as two cubes on top of each other are another cell."""
    primitive = bulk("NaCl", "rocksalt", a=5.64)
    perfect = phonopy_cells.supercell(primitive, [[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    cube = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    shift = np.random.default_rng(0).normal(scale=0.05, size=(8, 3))
    cube.positions += shift
    (found,), report = registration.register([frames.labelled(cube, -1.0, shift)], perfect, "test")
    assert report.settings == 1
    forces = found.get_forces()
    apart = sites.of_frames([found], perfect)[0]
    np.testing.assert_allclose(forces - forces.mean(axis=0), apart, atol=1e-6)


def test_the_other_species_at_the_other_quarter():
    """The same cube: I at ¼ where the cell has it at ¾ (issue 15: it was accepted as it stood)."""
    perfect = zincblende()
    given_cell = perfect.copy()
    gold = given_cell.numbers == 79
    given_cell.positions[gold] += 0.5 * 5.6
    found, report = registration.register([label(displaced(given_cell, n)) for n in range(3)],
                                          perfect, "test")  # fmt: skip
    assert max(report.residuals) < 0.2
    for frame in found:
        check_labels(frame)


def test_frames_in_our_setting_are_the_very_same():
    """Bit for bit, with the drift, wraps and small strain they have."""
    perfect = zincblende()
    given_frames = []
    for number in range(3):
        frame = displaced(perfect, number)
        frame.set_cell(frame.cell.array * (1 + 1e-4 * number), scale_atoms=True)
        frame.positions += 0.1 * number
        frame.wrap()
        given_frames.append(label(frame))
    found, report = registration.register(given_frames, perfect, "test")
    assert all(one is other for one, other in zip(found, given_frames, strict=True))
    assert report.changed == 0
    np.testing.assert_allclose(report.strains, [0, 1e-4, 2e-4], atol=1e-9)
    assert "strain 2.0e-04" in str(report)


def test_strain_stays_in_the_cell_and_rotation_does_not():
    perfect = low_symmetry()
    strained = displaced(perfect, 3)
    strain = np.array([[0.01, 0.004, 0], [0.004, -0.006, 0.002], [0, 0.002, 0.003]])
    strained.set_cell(perfect.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    wanted = label(strained)
    (found,), report = registration.register(
        [label(rewritten(wanted, 5, orthogonal(5)))], perfect, "test"
    )
    np.testing.assert_allclose(
        sites.strain(found.cell.array, perfect.cell.array), strain, atol=1e-6
    )
    np.testing.assert_allclose(found.cell.array, wanted.cell.array, atol=1e-6)
    np.testing.assert_allclose(found.get_forces(), wanted.get_forces(), atol=1e-5)
    np.testing.assert_allclose(found.get_stress(), wanted.get_stress(), atol=1e-7)
    assert report.strains == [pytest.approx(0.01, abs=1e-6)]


def test_orders_that_change_within_a_source():
    """The same species in order, other atoms: each stretch has a setting of its own."""
    perfect = zincblende()
    order = np.concatenate([np.random.default_rng(1).permutation(32), 32 + np.arange(32)])
    assert (perfect.numbers[order] == perfect.numbers).all()
    wanted = [label(displaced(perfect, n)) for n in range(6)]
    given_frames = [label(frame[order] if n % 3 == 2 else frame) for n, frame in enumerate(wanted)]
    found, report = registration.register(given_frames, perfect, "test")
    assert report.settings == 2
    np.testing.assert_allclose(
        sites.of_frames(found, perfect), sites.of_frames(wanted, perfect), atol=1e-6
    )


def hopping(perfect: Atoms, frames_before: int, frames_after: int) -> list[Atoms]:
    """A trajectory in which one atom goes to an interstitial and stays."""
    found = []
    for number in range(frames_before + frames_after):
        frame = displaced(perfect, number, 0.15)
        if number >= frames_before:
            frame.positions[5] += [2.2, 0.3, 0.1]
        found.append(label(frame))
    return found


@pytest.mark.parametrize("before", [0, 2, 6])
def test_an_atom_that_hopped_is_seen_to_do_so(before):
    perfect = zincblende()
    trajectory = hopping(perfect, before, 8 - before)
    rotation = CUBIC[17]
    strange = [label(rewritten(frame, 4, rotation, permute=False)) for frame in trajectory]
    found, report = registration.register(strange, perfect, "test")
    far = np.linalg.norm(sites.of_frames(found, perfect), axis=-1)
    assert [(row > 1.5).sum() for row in far] == [0] * before + [1] * (8 - before)
    assert len({int(row.argmax()) for row in far[before:]}) == 1
    assert report.settings == 1
    assert 1.8 < report.farthest < 2.8


def test_atoms_that_exchange_places_are_seen_to_do_so():
    """The order of the longer part holds; it is not decided anew for every frame."""
    perfect = zincblende()
    exchanged = np.arange(64)
    exchanged[[3, 9]] = [9, 3]
    trajectory = [displaced(perfect, n) for n in range(7)]
    for frame in trajectory[4:]:
        frame.positions = frame.positions[exchanged]
    found, _ = registration.register([label(f) for f in trajectory], perfect, "test")
    far = np.linalg.norm(sites.of_frames(found, perfect), axis=-1) > 1.5
    assert [np.flatnonzero(row).tolist() for row in far] == [[]] * 4 + [[3, 9]] * 3


def test_another_structure_is_refused_with_file_frame_and_residual():
    perfect = zincblende()
    rocksalt = perfect.copy()
    rocksalt.positions[rocksalt.numbers == 79] += 0.25 * 5.6
    right = label(displaced(perfect, 1))
    with pytest.raises(InputError, match=r"md.son frame 30: the atoms lie 1\.\d\d Å from"):
        registration.register([right, label(rocksalt)], perfect, "md.son", [10, 30])


def test_a_molten_frame_is_refused():
    perfect = zincblende()
    molten = perfect.copy()
    molten.positions = np.random.default_rng(2).uniform(0, 11.2, (64, 3))
    frame = frames.labelled(molten, -1.0, np.zeros((64, 3)))
    with pytest.raises(InputError, match="of another structure, or molten"):
        registration.register([frame], perfect, "md.son")


def test_frames_of_other_cells_are_left_as_they_are():
    perfect = zincblende()
    larger = label(bulk("CuAu", "zincblende", a=5.6, cubic=True))
    stretched = perfect.copy()
    stretched.set_cell(perfect.cell.array * [1.1, 1, 1], scale_atoms=True)
    given_frames = [larger, label(stretched), label(perfect)]
    found, report = registration.register(given_frames, perfect, "test")
    assert all(one is other for one, other in zip(found, given_frames, strict=True))
    assert (report.other_cells, len(report.residuals)) == (2, 1)


def test_all_rotations_of_a_lattice_are_found():
    cube, prism = np.eye(3) * 7.0, np.diag([5.0, 5.0, 8.0])
    assert len(lattice_maps(cube, cube)) == 48
    assert len(lattice_maps(prism, prism)) == 16
    skewed = np.array([[1, 0, 0], [2, 1, 0], [-1, 1, 1]]) @ prism @ orthogonal(3)
    maps = lattice_maps(skewed, prism)
    assert len(maps) == 16
    for basis in maps:
        np.testing.assert_allclose(sites.strain(basis @ skewed, prism), 0, atol=1e-9)
    assert lattice_maps(np.diag([5.0, 5.0, 10.0]), prism) == []


def test_sites_of_a_supercell_are_those_of_its_primitive_cell():
    found = Sites.of(zincblende())
    assert {number: len(places) for number, places in found.motif.items()} == {29: 1, 79: 1}
    assert abs(np.linalg.det(found.lattice)) == pytest.approx(5.6**3 / 4)
    assert found.bond == pytest.approx(5.6 * 3**0.5 / 4)


@pytest.fixture(scope="module")
def cui(shared, tmp_path_factory):
    """21 ps of CuI in which a Cu hops at 7.9 ps, every fifth frame, and the primitive cell."""
    folder = shared / "data/cui"
    path = tmp_path_factory.mktemp("cui") / "md.extxyz"
    path.write_bytes(lzma.decompress((folder / "CuI-216_md300K.extxyz.xz").read_bytes()))
    return read(folder / "CuI-216.extxyz"), frames.read_frames(path)[::5]


@pytest.mark.parametrize("iodine", [0.25, 0.75])
def test_a_real_hop_registers_in_both_settings(cui, iodine):
    primitive, trajectory = cui
    primitive = Atoms(primitive.symbols, cell=primitive.cell, pbc=True,
                      scaled_positions=[[0, 0, 0], [iodine] * 3])  # fmt: skip
    perfect = phonopy_cells.supercell(primitive, CUBE)
    found, report = registration.register(trajectory, perfect, "CuI")
    assert report.settings == 1
    far = np.linalg.norm(sites.of_frames(found, perfect), axis=-1).max(axis=1)
    hopped = np.array([frame.info["time"] for frame in trajectory]) > 8000
    assert (far[~hopped] > 1.5).mean() < 0.05
    assert (far[hopped] > 1.5).mean() > 0.95
    assert np.mean(report.residuals) == pytest.approx(0.235, abs=0.01)
    for one, other in zip(found, trajectory, strict=True):
        np.testing.assert_allclose(
            np.sort(np.linalg.norm(one.get_forces(), axis=1)),
            np.sort(np.linalg.norm(other.get_forces(), axis=1)),
            atol=1e-9,
        )


@pytest.mark.parametrize(
    ("strain", "said"),
    [
        (np.eye(3) * 0.03, False),  # another functional
        (np.diag([0.02, 0.0, 0.0]), True),
        (np.array([[0, 0.03, 0], [0.03, 0, 0], [0, 0, 0]]), True),
    ],
)
def test_a_mean_strain_that_the_symmetry_forbids_is_said(caplog, strain, said):
    perfect = zincblende()
    labels = []
    for seed in range(3):
        atoms = displaced(perfect, seed, 0.02)
        atoms.set_cell(perfect.cell.array @ (np.eye(3) + strain), scale_atoms=True)
        labels.append(label(atoms))
    _, report = registration.register(labels, perfect, "given.extxyz")
    assert ("given.extxyz: the cells are strained by" in caplog.text) == said
    assert report.forbidden == pytest.approx(np.abs(strain).max() * said, abs=0.01)
