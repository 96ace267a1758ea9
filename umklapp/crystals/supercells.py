"""Supercells of a given size: compact, right-angled, as symmetric as the crystal where one is."""

from __future__ import annotations

from functools import cache
from itertools import combinations, product

import numpy as np
from ase import Atoms
from ase.geometry import minkowski_reduce

from umklapp.config import Matrix, NearlyCubic, Supercell
from umklapp.crystals.frame_info import FrameInfo
from umklapp.crystals.phonopy_cells import check_matrix
from umklapp.crystals.symmetry import rotations
from umklapp.errors import InputError

COMPACT = 0.8
"""Smallest distance between periodic images over the cube root of the volume; a cube has 1."""

LARGEST = 20_000
"""Atoms of a supercell; reference calculations end far below."""

WINDOW = 0.2
"""A cell of about n atoms may have so much more or less, relative to n."""


def _divisors(count: int) -> list[int]:
    return [n for n in range(1, count + 1) if count % n == 0]


def hermite_forms(count: int) -> np.ndarray:
    """All sublattices of index `count`, each once, as Hermite normal forms.

    Returns:
        (number of sublattices, 3, 3) integers, rows of new lattice vectors in old ones;
        Hart and Forcade, Phys. Rev. B 77, 224115 (2008), equation 1.
    """
    blocks = []
    for a, b in product(_divisors(count), repeat=2):
        if count % (a * b):
            continue
        c = count // (a * b)
        x, y, z = (grid.ravel() for grid in np.meshgrid(range(b), range(c), range(c)))
        forms = np.zeros((len(x), 3, 3), int)
        forms[:, 0, 0], forms[:, 1, 1], forms[:, 2, 2] = a, b, c
        forms[:, 0, 1], forms[:, 0, 2], forms[:, 1, 2] = x, y, z
        blocks.append(forms)
    return np.concatenate(blocks)


def kept(forms: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Which sublattices a rotation of the crystal maps onto themselves.

    Args:
        forms: (m, 3, 3) integer rows of lattice vectors in primitive vectors, all of one index.
        rotation: (3, 3) integers for columns of coordinates, as spglib gives them.

    Returns:
        (m,) booleans.
    """
    if len(forms) == 0:
        return np.zeros(0, bool)
    count = round(abs(np.linalg.det(forms[0])))
    images = (forms @ rotation.T).astype(float) @ np.linalg.inv(forms)
    return np.asarray((np.abs(images - np.rint(images)) < 0.5 / count).all(axis=(1, 2)))


def compactness(forms: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Shortest lattice vector over the cube root of the volume (1 for a cube, at most 2^(1/6)).

    Args:
        forms: (m, 3, 3) integer rows of lattice vectors in primitive vectors, all of one index.
        cell: (3, 3) primitive vectors, any unit.

    Returns:
        (m,) numbers.
    """
    count = round(abs(np.linalg.det(forms[0])))
    edge = (count * abs(np.linalg.det(cell))) ** (1 / 3)
    limit = 2 ** (1 / 6) * edge * (1 + 1e-6)
    reach = np.floor(limit * np.linalg.norm(np.linalg.inv(cell), axis=0)).astype(int)
    grids = np.meshgrid(*[np.arange(-n, n + 1) for n in reach], indexing="ij")
    vectors = np.stack(grids, axis=-1).reshape(-1, 3)
    vectors = vectors[len(vectors) // 2 + 1 :]  # v and -v are one
    lengths = np.linalg.norm(vectors @ cell, axis=1)
    order = np.argsort(lengths, kind="stable")
    shortest = np.full(len(forms), np.nan)
    inverses = np.linalg.inv(forms)
    for vector, length in zip(vectors[order], lengths[order], strict=True):
        left = np.flatnonzero(np.isnan(shortest))
        if length > limit or not len(left):
            break
        steps = vector @ inverses[left]
        shortest[left[(np.abs(steps - np.rint(steps)) < 0.5 / count).all(axis=1)]] = length
    return shortest / edge


def symmetry(matrix: Matrix, primitive: Atoms) -> tuple[int, int]:
    """How many rotations of the crystal a supercell keeps, and how many there are."""
    group = rotations(primitive)
    return sum(int(kept(np.array([matrix]), rotation)[0]) for rotation in group), len(group)


def _cosines(vectors: np.ndarray) -> np.ndarray:
    """(m, 3) cosines between the rows of (m, 3, 3)."""
    unit = vectors / np.linalg.norm(vectors, axis=2, keepdims=True)
    pairs = ((0, 1), (0, 2), (1, 2))
    return np.stack([(unit[:, i] * unit[:, j]).sum(axis=1) for i, j in pairs], axis=1)


def basis(form: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Right-handed basis of a sublattice: diagonal where it can be, else short and obtuse."""
    if not (form - np.diag(np.diag(form))).any():
        return form
    count = round(abs(np.linalg.det(form)))
    reduced, _ = minkowski_reduce(form @ cell)
    steps = np.array(list(product((-1, 0, 1), repeat=3)))
    vectors = np.unique(steps @ np.rint(reduced @ np.linalg.inv(cell)).astype(int), axis=0)
    lengths = np.linalg.norm(vectors @ cell, axis=1)
    vectors = vectors[
        (lengths > 0) & (lengths < (1 + 1e-4) * np.linalg.norm(reduced, axis=1).max())
    ]
    triples = vectors[np.array(list(combinations(range(len(vectors)), 3)))]
    triples = np.concatenate([np.roll(triples, k, axis=1) for k in range(3)])
    triples = np.concatenate([triples, triples[:, ::-1]])
    triples = triples[np.rint(np.linalg.det(triples)).astype(int) == count]
    cartesian = triples @ cell
    squares = (cartesian**2).sum(axis=(1, 2))
    order = [
        (round(square, 4), round(cosine, 4), -int(triple.sum()), triple.ravel().tolist())
        for square, cosine, triple in zip(
            squares / squares.min(), _cosines(cartesian).sum(axis=1), triples, strict=True
        )
    ]
    return np.asarray(triples[min(range(len(order)), key=order.__getitem__)])


def _nicest(forms: np.ndarray, cell: np.ndarray, right_angled: bool) -> np.ndarray | None:
    """The most right-angled of the compact ones, or the most compact; the other breaks ties."""
    if len(forms) == 0:
        return None
    scores = compactness(forms, cell)
    least = COMPACT if right_angled else max(COMPACT, scores.max() - 1e-3)
    matrices = [basis(form, cell) for form in forms[scores >= least]]
    if not matrices:
        return None
    order = []
    for score, matrix in zip(scores[scores >= least], matrices, strict=True):
        skew = float(np.abs(_cosines((matrix @ cell)[None])).sum())
        ranks = round(skew, 3), -round(score, 3)
        order.append((ranks if right_angled else ranks[::-1], matrix.ravel().tolist()))
    return matrices[min(range(len(order)), key=order.__getitem__)]


def _symmetric(count: int, cell: np.ndarray, group: np.ndarray) -> np.ndarray | None:
    """Compact supercell that keeps every rotation of the crystal, where there is one."""
    forms = hermite_forms(count)
    for rotation in group:
        forms = forms[kept(forms, rotation)]
    return _nicest(forms, cell, right_angled=True)


def _any(count: int, cell: np.ndarray, group: np.ndarray) -> np.ndarray:
    """The most compact of the supercells that keep as many rotations_kept as any compact one."""
    forms = hermite_forms(count)
    rotations_kept = np.sum([kept(forms, rotation) for rotation in group], axis=0)
    for level in sorted(set(rotations_kept.tolist()), reverse=True):
        supercell = _nicest(forms[rotations_kept == level], cell, right_angled=False)
        if supercell is not None:
            return supercell
    return basis(forms[int(np.argmax(compactness(forms, cell)))], cell)


@cache
def _matrix(counts: tuple[int, ...], scaled: tuple[float, ...], group: bytes) -> Matrix:
    cell = np.array(scaled).reshape(3, 3)
    operations = np.frombuffer(group, dtype=np.int64).reshape(-1, 3, 3)
    for count in counts:
        supercell = _symmetric(count, cell, operations)
        if supercell is not None:
            return [[int(x) for x in row] for row in supercell]
    return [[int(x) for x in row] for row in _any(counts[0], cell, operations)]


def nearly_cubic(primitive: Atoms, n_atoms: int, window: float = 0.0) -> Matrix:
    """Supercell of `n_atoms` atoms: compact, and with the crystal's point group where possible.

    Sublattices that keep all rotations of the crystal need the fewest displaced cells, and give
    tensors of the crystal's form. Where none of the asked size is compact, it is the one that
    keeps most rotations.

    Args:
        primitive: the primitive cell as built (relaxing may move the choice, so it is not used).
        n_atoms: atoms of the supercell, a multiple of the primitive cell's when `window` is 0.
        window: relative deviation from `n_atoms` that a fully symmetric cell may cost.

    Returns:
        (3, 3) integers, rows of new lattice vectors in primitive ones; the same for the same
        crystal on every machine.

    Raises:
        InputError: no multiple of the primitive cell has that many atoms.
    """
    size = len(primitive)
    if n_atoms > LARGEST:
        raise InputError(f"a cell of {n_atoms} atoms must be a mistake; {LARGEST} are the most")
    around = range(1, 2 + int(n_atoms * (1 + window)) // size)
    counts = [n for n in around if abs(n * size - n_atoms) <= window * n_atoms]
    if not counts and window:
        counts = [max(1, round(n_atoms / size))]
    if not counts:
        raise InputError(f"{n_atoms} atoms are no multiple of the primitive cell's {size}")
    counts.sort(key=lambda n: (abs(n * size - n_atoms), n))
    cell = primitive.cell.array / primitive.cell.volume ** (1 / 3)
    scaled = tuple(float(x) for x in np.round(cell, 4).ravel() + 0.0)
    group = np.ascontiguousarray(rotations(primitive), dtype=np.int64)
    return _matrix(tuple(counts), scaled, group.tobytes())


def matrix(choice: Supercell, primitive: Atoms, published: int | None, key: str) -> Matrix:
    """The supercell matrix of one crystal from what the configuration says.

    Args:
        choice: a matrix, `published`, or about how many atoms.
        primitive: the primitive cell as built from the table.
        published: number of atoms that the table states, where it does.
        key: configuration key, for messages.

    Raises:
        InputError: naming `key`: no published number, not a multiple, or a matrix without volume.
    """
    if isinstance(choice, NearlyCubic):
        return nearly_cubic(primitive, choice.atoms, WINDOW)
    if isinstance(choice, str):
        name = FrameInfo.of(primitive).material or primitive.symbols
        if published is None:
            raise InputError(
                f"{key}: 'published', but the table's n_supercell of {name} is empty; give "
                f"{name} a matrix or {{atoms: n}} of its own"
            )
        try:
            return nearly_cubic(primitive, published)
        except InputError as error:
            raise InputError(f"{key}: {name}: n_supercell of the table: {error}") from None
    check_matrix(choice, key)
    atoms = abs(np.linalg.det(np.array(choice, float))) * len(primitive)
    if atoms > LARGEST:
        raise InputError(
            f"{key}: the matrix {choice} makes a cell of {atoms:.3g} atoms, which must be a "
            f"mistake; {LARGEST} are the most"
        )
    return choice
