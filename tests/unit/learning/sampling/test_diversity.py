import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umklapp.learning.sampling import diversity


def direct_log_determinant(descriptors, count, quality):
    """The definition: of all rows, the one with the largest determinant of the chosen kernel."""
    distance = np.linalg.norm(descriptors[:, None] - descriptors[None], axis=-1)
    length = np.median(distance[np.triu_indices(len(distance), 1)])
    kernel = np.outer(quality, quality) * np.exp(-0.5 * (distance / length) ** 2)
    chosen = []
    for _ in range(count):
        volume = [
            -1.0 if row in chosen else np.linalg.det(kernel[np.ix_(rows, rows)])
            for row in range(len(kernel))
            for rows in [[*chosen, row]]
        ]
        chosen.append(int(np.argmax(volume)))
    return chosen


@given(st.integers(0, 10_000), st.integers(2, 30), st.integers(1, 6), st.floats(0, 1e3))
def test_the_greedy_choice_is_that_of_the_definition(seed, rows, width, offset):
    """Also far from the origin, where squares of the descriptors are large."""
    generator = np.random.default_rng(seed)
    descriptors = offset + generator.normal(size=(rows, width))
    quality = generator.uniform(0.5, 2.0, rows)
    count = min(rows, 4)
    wanted = direct_log_determinant(descriptors, count, quality)
    assert diversity.log_determinant(descriptors, count, quality) == wanted


@pytest.mark.parametrize(("rows", "width"), [(2, 1), (3, 4), (300, 5), (601, 3)])
def test_the_median_distance_is_that_of_all_pairs(rows, width):
    """Rows on either side of a block; an even and an odd number of pairs."""
    descriptors = 5 + np.random.default_rng(rows).normal(size=(rows, width))
    distance = np.linalg.norm(descriptors[:, None] - descriptors[None], axis=-1)
    wanted = np.median(distance[np.triu_indices(rows, 1)])
    assert diversity.median_distance(descriptors) == pytest.approx(wanted, rel=1e-12)


def test_a_single_frame_has_no_distance_and_is_chosen():
    assert diversity.median_distance(np.zeros((1, 3))) == 1.0
    assert diversity.log_determinant(np.zeros((1, 3)), 4, np.ones(1)) == [0]


def test_of_more_rows_than_fit_the_median_is_that_of_evenly_drawn_ones(monkeypatch):
    monkeypatch.setattr(diversity, "MOST_ROWS", 50)
    descriptors = np.random.default_rng(0).normal(size=(1000, 4))
    all_rows = np.linalg.norm(descriptors[:, None] - descriptors[None], axis=-1)
    wanted = np.median(all_rows[np.triu_indices(1000, 1)])
    assert diversity.median_distance(descriptors) == pytest.approx(wanted, rel=0.1)


def test_a_choice_of_many_frames_never_holds_all_their_pairs():
    """3000 frames of 64 numbers: 4.6 GB as n × n × d, 72 MB as n × n; pairs once are 36 MB."""
    generator = np.random.default_rng(0)
    descriptors, quality = generator.normal(size=(3000, 64)), generator.uniform(1, 2, 3000)
    tracemalloc.start()
    chosen = diversity.log_determinant(descriptors, 20, quality)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(set(chosen)) == 20
    assert peak < 70e6


def test_the_first_of_each_kind():
    rows = np.array([[0.0], [0.05], [1.0], [0.95], [2.0], [0.0]])
    assert diversity.distinct(rows, 9, 0.1) == [0, 2, 4]
    assert diversity.distinct(rows, 2, 0.1) == [0, 2]


def test_farthest_points_of_a_line():
    line = np.array([[0.0], [1.0], [10.0], [4.0]])
    assert diversity.farthest_points(line, 3) == [0, 2, 3]
    assert diversity.farthest_points(line, 9) == [0, 2, 3, 1]
    assert diversity.farthest_points(line, 1) == [0]


def test_the_determinant_takes_one_of_each_cluster_before_a_second():
    generator = np.random.default_rng(1)
    centres = 10 * np.eye(3)
    rows = np.repeat(centres, 5, axis=0) + generator.normal(scale=0.1, size=(15, 3))
    quality = np.where(np.arange(15) < 5, 2.0, 1.0)
    chosen = diversity.log_determinant(rows, 3, quality)
    assert sorted(number // 5 for number in chosen) == [0, 1, 2]
    assert chosen[0] < 5  # the best first
    # the greedy volume is that of the kernel's submatrix
    assert len(set(diversity.log_determinant(rows, 15, quality))) == 15


def test_quality_enters_the_determinant_squared():
    """After row 0, row 1 (near it) and row 2 (far) compete: q² (1 − k²) decides, not q (1 − k²).

    Distances 1, 2, 1 on a line: ℓ = 1, so k = exp(−½) and exp(−2) of row 0.
    """
    line = np.array([[0.0], [1.0], [2.0]])
    near, far = 1 - np.exp(-1.0), 1 - np.exp(-4.0)
    ratio = far / near  # of the free volumes, 1.553
    for quality, wanted in ((0.97 * np.sqrt(ratio), 2), (1.03 * np.sqrt(ratio), 1)):
        chosen = diversity.log_determinant(line, 2, np.array([9.0, quality, 1.0]))
        assert chosen == [0, wanted]
