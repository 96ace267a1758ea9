"""Cells of a trajectory: its mean cell and positions, in the table's crystal and its symmetry."""

import lzma

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read

from umklapp.config import LabelKeys
from umklapp.crystals import frames, given_cells, phonopy_cells, symmetry
from umklapp.errors import InputError


def wurtzite(a, c, u) -> Atoms:
    """Two free lengths and one free position."""
    return symmetry.primitive_cell(bulk("ZnO", "wurtzite", a=a, c=c, u=u))


def trajectory(path, primitive, matrix, rotation, count=8, noise=0.03):
    """Noisy frames of a supercell, turned, in another order and with a drift."""
    generator = np.random.default_rng(5)
    perfect = phonopy_cells.supercell(primitive, matrix)
    order = generator.permutation(len(perfect))
    made = []
    for number in range(count):
        frame = perfect.copy()
        motion = generator.normal(scale=noise, size=frame.positions.shape)
        motion -= motion.mean(axis=0)
        frame.positions += motion + 0.1 * number
        frame.set_cell(frame.cell.array @ rotation)
        frame.positions = frame.positions @ rotation
        frame = frame[order]
        frame.wrap()
        energy, forces = 2.5 * (motion**2).sum(), -5.0 * (motion @ rotation)[order]  # springs
        made.append(frames.labelled(frame, energy, forces))
    frames.write_frames(path, made)
    return perfect


@pytest.mark.parametrize(
    "matrix", [[[3, 0, 0], [0, 3, 0], [0, 0, 2]], [[2, -2, 0], [2, 2, 0], [0, 0, 1]]]
)
def test_the_tables_crystal_takes_cell_and_positions_of_the_dynamics(tmp_path, matrix):
    built, truth = wurtzite(3.25, 5.20, 0.38), wurtzite(3.27, 5.25, 0.375)
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    rotation *= np.linalg.det(rotation)
    perfect = trajectory(tmp_path / "md.extxyz", truth, matrix, rotation)
    primitive, supercell, note = given_cells.of_trajectory(tmp_path / "md.extxyz", built)
    np.testing.assert_allclose(primitive.cell.cellpar(), truth.cell.cellpar(), atol=1e-6)
    assert symmetry.space_group(primitive) == 186
    height = 3 * [0.0]
    for number, cell in enumerate((primitive, truth, built)):
        zinc, oxygen = (cell.get_scaled_positions()[cell.numbers == n][0, 2] for n in (30, 8))
        height[number] = min((oxygen - zinc) % 0.5, (zinc - oxygen) % 0.5)
    assert abs(height[0] - height[1]) < 0.002 < abs(height[2] - height[1])
    assert len(supercell) == len(perfect)
    np.testing.assert_allclose(
        np.sort(supercell.cell.cellpar()), np.sort(perfect.cell.cellpar()), atol=1e-6
    )
    assert "mean of 8 frames, strain" in note


def test_another_crystal_and_several_cells_are_refused(tmp_path):
    path = tmp_path / "md.extxyz"
    trajectory(path, wurtzite(3.25, 5.2, 0.38), [[3, 0, 0], [0, 3, 0], [0, 0, 2]], np.eye(3))
    zincblende = symmetry.primitive_cell(bulk("ZnO", "zincblende", a=4.6))
    with pytest.raises(InputError, match=r"md\.extxyz: the cell of 72 atoms is no supercell"):
        given_cells.of_trajectory(path, zincblende)
    with pytest.raises(InputError, match="holds O36Zn36, the table says ClNa"):
        given_cells.of_trajectory(path, bulk("NaCl", "rocksalt", a=5.6))
    shapes = frames.read_frames(path)
    trajectory(path, wurtzite(3.25, 5.2, 0.38), [[3, 0, 0], [0, 2, 0], [0, 0, 3]], np.eye(3))
    frames.write_frames(path, [*shapes, *frames.read_frames(path)])
    with pytest.raises(InputError, match="8 of 16 frames are in another cell than the first"):
        given_cells.of_trajectory(path, wurtzite(3.25, 5.2, 0.38))


def test_real_dynamics_give_their_lattice_parameter(shared, tmp_path):
    """CuI: cube of 12.0281 Å, found from a table's crystal that is 1 % larger."""
    packed = shared / "data/cui/CuI-216_md300K.extxyz.xz"
    (tmp_path / "md.extxyz").write_bytes(lzma.decompress(packed.read_bytes()))
    built = read(shared / "data/cui/CuI-216.extxyz")
    built.set_cell(built.cell.array * 1.01, scale_atoms=True)
    primitive, supercell, _ = given_cells.of_trajectory(tmp_path / "md.extxyz", built)
    np.testing.assert_allclose(supercell.cell.array, np.eye(3) * 12.0281, atol=1e-6)
    assert symmetry.space_group(primitive) == 216
    np.testing.assert_allclose(primitive.cell.lengths(), 12.0281 / 8**0.5, atol=1e-6)


def test_labels_of_other_names_are_read_by_the_keys_of_the_cells(tmp_path):
    built, path = wurtzite(3.25, 5.20, 0.38), tmp_path / "md.extxyz"
    trajectory(path, built, [[2, 0, 0], [0, 2, 0], [0, 0, 2]], np.eye(3))
    text = path.read_text()
    path.write_text(text.replace(" energy=", " REF_energy=").replace(":forces:", ":REF_forces:"))
    with pytest.raises(InputError, match="energy: REF_energy, forces: REF_forces"):
        given_cells.of_trajectory(path, built)
    keys = LabelKeys(energy="REF_energy", forces="REF_forces")
    assert symmetry.space_group(given_cells.of_trajectory(path, built, keys)[0]) == 186
