import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from umklapp.crystals.force_constant_arrays import as_blocks, as_matrix


@given(st.integers(1, 4), st.integers(0, 100))
def test_a_block_of_a_pair_stands_in_their_rows_and_columns(n_atoms, seed):
    matrix = np.random.default_rng(seed).normal(size=(3 * n_atoms, 3 * n_atoms))
    blocks = as_blocks(matrix)
    assert blocks.shape == (n_atoms, n_atoms, 3, 3)
    for i, j in np.ndindex(n_atoms, n_atoms):
        np.testing.assert_array_equal(blocks[i, j], matrix[3 * i : 3 * i + 3, 3 * j : 3 * j + 3])
    np.testing.assert_array_equal(as_matrix(blocks), matrix)
