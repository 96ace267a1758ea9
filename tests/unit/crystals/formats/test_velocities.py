"""Times, positions and velocities of one trajectory contradict each other, or do not."""

import numpy as np
import pytest

from umklapp.crystals.formats import velocities
from umklapp.errors import InputError

CELL = 10.0 * np.eye(3)


def oscillators(step, n=60, count=40):
    """Times (fs), positions, velocities and cells of atoms that vibrate at 1 to 3 THz."""
    generator = np.random.default_rng(3)
    rates = 2e-3 * np.pi * generator.uniform(1, 3, size=(n, 3))
    phases = generator.uniform(0, 2 * np.pi, size=(n, 3))
    sites = generator.uniform(0, 10, size=(n, 3))
    times = step * np.arange(count)
    angles = rates * times[:, None, None] + phases
    return times, sites + 0.1 * np.sin(angles), 0.1 * rates * np.cos(angles), [CELL] * count


def broken(change, step=20.0):
    """What is said of a trajectory after a change."""
    times, positions, speeds, cells = change(*oscillators(step))
    velocities.check(times, positions, speeds, cells, "md")


@pytest.mark.parametrize("step", [1.0, 20.0, 60.0, 500.0])
def test_right_ones_are_believed_at_any_distance_in_time(step):
    broken(lambda *whole: whole, step)
    broken(lambda t, x, v, c: (t, x % 10.0, v, c), step)  # folded into the cell


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, x, v, c: (t / 1000, x, v, c), "times that are not in fs"),
        (lambda t, x, v, c: (t * 20, x, v, c), "times that are not in fs"),
        (lambda t, x, v, c: (t, x, v / 10.18, c), "velocities take them"),
        (lambda t, x, v, c: (t, x, v * 10.18, c), "velocities or positions of another unit"),
        (lambda t, x, v, c: (t, x / 0.529, v, c), "another unit"),
        (lambda t, x, v, c: (t, x, v[:, ::-1], c), "velocities of other atoms"),
        (lambda t, x, v, c: (t, x[::-1], v[::-1], c), "velocities of other atoms"),
        (
            lambda t, x, v, c: (t[:30], *(np.delete(a, np.s_[9:19], 0) for a in (x, v, c))),
            "frames 8",
        ),
        (
            lambda t, x, v, c: (
                20.0 * np.arange(50),
                *(np.concatenate([a[:20], a[10:]]) for a in (x, v, c)),
            ),
            r"between frames 19 and 20 .*\(1 such places\): steps are missing there, or .*twice",
        ),
        (
            lambda t, x, v, c: (
                t,
                *(np.array(a)[np.random.default_rng(0).permutation(40)] for a in (x, v, c)),
            ),
            "another order than their times",
        ),
    ],
)
def test_wrong_units_atoms_and_steps_are_refused(change, message):
    with pytest.raises(InputError, match=f"md: .*{message}"):
        broken(change)


@pytest.mark.parametrize("cell", [np.zeros((3, 3)), np.full((3, 3), np.nan), CELL[[0, 1, 1]]])
def test_a_cell_without_volume_is_named(cell):
    with pytest.raises(InputError, match="md: frame 7 has no volume"):
        broken(lambda t, x, v, c: (t, x, v, [*c[:7], cell, *c[8:]]))
