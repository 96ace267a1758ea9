import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from matscipy.neighbours import neighbour_list

from umklapp.potentials import neighbours
from umklapp.potentials.neighbours import Neighbours


def cells():
    """A primitive cell smaller than the cutoff, a skewed one, a cube."""
    small = bulk("NaCl", "rocksalt", a=5.6)
    skew = bulk("Si")
    skew.set_cell([[3.8, 0, 0], [1.9, 3.3, 0], [2.5, 1.1, 4.0]], scale_atoms=True)
    cube = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    for number, atoms in enumerate((small, skew, cube)):
        atoms.rattle(0.1, seed=number)
    return [small, skew, cube]


def edges(slots, cutoff, atom_of=lambda n: n):
    """All edges within the cutoff as a sorted list of (atom, neighbour, rounded vector)."""
    found = []
    for n, m in np.argwhere(slots.lengths.numpy() < cutoff):
        pair = (atom_of(int(n)), atom_of(int(slots.source[n, m])))
        found.append((*pair, *np.round(slots.vectors[n, m].numpy(), 6)))
    return sorted(found)


def wanted(atoms, cutoff):
    i, j, d = neighbour_list("ijD", atoms, cutoff)
    return sorted((int(a), int(b), *np.round(v, 6)) for a, b, v in zip(i, j, d, strict=True))


def fresh(atoms, cutoff):
    return Neighbours(cutoff, [len(atoms)]).of([atoms])


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("cutoff", [3.0, 5.5])
def test_every_pair_within_the_cutoff_once(number, cutoff):
    atoms = cells()[number]
    slots = fresh(atoms, cutoff)
    assert edges(slots, cutoff) == wanted(atoms, cutoff)
    np.testing.assert_allclose(np.linalg.norm(slots.vectors, axis=-1), slots.lengths)


@pytest.fixture
def searches(monkeypatch):
    """Every search for neighbours."""
    made = []
    monkeypatch.setattr(
        neighbours, "neighbour_list", lambda *a, **k: made.append(1) or neighbour_list(*a, **k)
    )
    return made


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("number", range(3))
def test_a_skin_list_is_a_fresh_list(number, wrapped, searches):
    """While atoms move and the cell strains, step by step, also into the next cell."""
    atoms, generator = cells()[number], np.random.default_rng(0)
    near = Neighbours(4.5, [len(atoms)], 0.5)
    for _ in range(40):
        atoms.positions += generator.normal(scale=0.02, size=atoms.positions.shape)
        strain = np.eye(3) + generator.normal(scale=1e-3, size=(3, 3))
        atoms.set_cell(atoms.cell.array @ strain, scale_atoms=True)
        if wrapped:
            atoms.wrap()
        assert edges(near.of([atoms]), 4.5) == wanted(atoms, 4.5)
        assert near.shortest()[0] == pytest.approx(neighbour_list("d", atoms, 6.0).min())
    assert 1 < len(searches) < 30


def test_frames_are_searched_alone(searches):
    """Three frames of which one moves; and one of them that is asked about alone in between."""
    frames = cells()
    near = Neighbours(4.5, [len(atoms) for atoms in frames], 0.5)
    near.of(frames)
    assert len(searches) == 3
    frames[1].positions[0] += 0.6
    for chosen in ([0, 2], [0, 1, 2], [1], [2, 1], [0, 1, 2]):
        slots = near.select(chosen).of([frames[number] for number in chosen])
        first = 0
        for place, number in enumerate(chosen):
            own = slots.frame_of == place
            part = neighbours.Slots(
                slots.vectors[own], slots.lengths[own], slots.source[own] - first, None, None
            )
            assert edges(part, 4.5) == wanted(frames[number], 4.5)
            first += len(frames[number])
        shortest = [neighbour_list("d", frames[number], 6.0).min() for number in chosen]
        np.testing.assert_allclose(near.select(chosen).shortest(), shortest)
    assert len(searches) == 4


def test_a_frame_that_gets_more_neighbours_leaves_the_others(searches):
    """Lists become wider; their new slots are out of reach."""
    sparse, dense = bulk("NaCl", "rocksalt", a=9.0), bulk("NaCl", "rocksalt", a=9.0)
    near = Neighbours(4.6, [2, 2], 0.3)
    near.of([sparse, dense])
    dense.set_cell(dense.cell.array * 0.5, scale_atoms=True)
    slots = near.of([sparse, dense])
    assert len(searches) == 3
    offset = sorted((a + 2, b + 2, *v) for a, b, *v in wanted(dense, 4.6))
    assert edges(slots, 4.6) == [*wanted(sparse, 4.6), *offset]


def test_empty_slots_are_out_of_reach():
    pair = Atoms("NaCl", cell=3 * [20.0], pbc=True, positions=[[0, 0, 0], [2.5, 0, 0]])
    slots = fresh(pair, 4.0)
    assert slots.source.shape == (2, 2)
    assert sorted((slots.lengths[0] < 4.0).tolist()) == [False, True]
    assert slots.lengths.max() >= 4.0
    np.testing.assert_allclose(np.linalg.norm(slots.vectors, axis=-1), slots.lengths)


def test_a_lonely_atom_has_no_neighbour():
    lone = Atoms("Na", cell=3 * [20.0], pbc=True)
    slots = fresh(lone, 4.0)
    assert (slots.lengths >= 4.0).all()
