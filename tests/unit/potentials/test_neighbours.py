import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from matscipy.neighbours import neighbour_list

from umklapp.potentials.neighbours import Neighbourhood, join


def cells():
    """A primitive cell smaller than the cutoff, a skewed one, a cube."""
    small = bulk("NaCl", "rocksalt", a=5.6)
    skew = bulk("Si")
    skew.set_cell([[3.8, 0, 0], [1.9, 3.3, 0], [2.5, 1.1, 4.0]], scale_atoms=True)
    cube = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    for number, atoms in enumerate((small, skew, cube)):
        atoms.rattle(0.1, seed=number)
    return [small, skew, cube]


def edges(vectors, lengths, source, cutoff):
    """All edges within the cutoff as a sorted list of (atom, neighbour, rounded vector)."""
    found = []
    for n, m in zip(*np.nonzero(lengths < cutoff), strict=True):
        found.append((int(n), int(source[n, m]), *np.round(vectors[n, m], 6)))
    return sorted(found)


def wanted(atoms, cutoff):
    i, j, d = neighbour_list("ijD", atoms, cutoff)
    return sorted((int(a), int(b), *np.round(v, 6)) for a, b, v in zip(i, j, d, strict=True))


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("cutoff", [3.0, 5.5])
def test_every_pair_within_the_cutoff_once(number, cutoff):
    atoms = cells()[number]
    found = Neighbourhood(cutoff).update(atoms)
    assert edges(*found, cutoff) == wanted(atoms, cutoff)
    vectors, lengths, _ = found
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=-1), lengths)


@pytest.mark.parametrize("number", range(3))
def test_a_skin_list_is_a_fresh_list(number):
    """While atoms move and the cell strains, step by step."""
    atoms, near, generator = cells()[number], Neighbourhood(4.5, 0.5), np.random.default_rng(0)
    searches = 0
    for _ in range(40):
        atoms.positions += generator.normal(scale=0.02, size=atoms.positions.shape)
        strain = np.eye(3) + generator.normal(scale=1e-3, size=(3, 3))
        atoms.set_cell(atoms.cell.array @ strain, scale_atoms=True)
        before = near._source
        found = near.update(atoms)
        searches += near._source is not before
        assert edges(*found, 4.5) == wanted(atoms, 4.5)
        i, j = neighbour_list("ij", atoms, 6.0)
        assert near.shortest == pytest.approx(neighbour_list("d", atoms, 6.0).min())
        assert len(i) == len(j)
    assert 1 < searches < 30


def test_empty_slots_are_out_of_reach():
    pair = Atoms("NaCl", cell=3 * [20.0], pbc=True, positions=[[0, 0, 0], [2.5, 0, 0]])
    vectors, lengths, source = Neighbourhood(4.0).update(pair)
    assert source.shape == (2, 2)
    assert sorted(lengths[0] < 4.0) == [False, True]
    assert lengths.max() >= 4.0
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=-1), lengths)


def test_frames_are_joined_into_one_graph():
    parts = [Neighbourhood(4.0).update(atoms) for atoms in cells()]
    slots = join(parts, 4.0)
    assert slots.sizes == (2, 2, 8)
    np.testing.assert_array_equal(slots.frame_of, [0, 0, 1, 1, *[2] * 8])
    assert (slots.frame_of[slots.source] == slots.frame_of[:, None]).all()
    for number, (vectors, lengths, source) in enumerate(parts):
        mine = slots.frame_of == number
        shifted = edges(slots.vectors[mine], slots.lengths[mine], slots.source[mine], 4.0)
        first = int(np.flatnonzero(mine)[0])
        assert shifted == [(a, b + first, *v) for a, b, *v in edges(vectors, lengths, source, 4.0)]
