"""The conventional cell of a crystal as a drawing: atoms, bonds and edges in projection."""

from __future__ import annotations

from itertools import product

import numpy as np
import spglib
from ase import Atoms
from ase.data import chemical_symbols, covalent_radii
from ase.data.colors import jmol_colors
from markupsafe import Markup, escape

SIZE = 300.0
"""Width and height of the drawing, in its own units."""

BOND = 1.15
"""Atoms closer than so many times the sum of their covalent radii are joined by a line."""

MOST = 250
"""Atoms above which those on the faces of the cell are not repeated."""


def conventional(primitive: Atoms) -> Atoms:
    """The standardised conventional cell; the cell as given where spglib finds no symmetry."""
    crystal = (primitive.cell.array, primitive.get_scaled_positions(), primitive.numbers)
    try:
        standard = spglib.standardize_cell(crystal, to_primitive=False, symprec=1e-3)
    except spglib.SpglibError:
        standard = None
    if standard is None:
        return primitive
    lattice, scaled, numbers = standard
    return Atoms(numbers=numbers, cell=lattice, scaled_positions=scaled, pbc=True)


def filled(cell: Atoms) -> tuple[np.ndarray, np.ndarray]:
    """Positions (n, 3) Å and atomic numbers (n,) of all atoms in a cell, faces and edges included.

    Args:
        cell: periodic; an atom on a face is drawn on the opposite face too.
    """
    scaled = cell.get_scaled_positions(wrap=True)
    scaled[np.isclose(scaled, 1.0, atol=1e-6)] = 0.0
    places, numbers = [], []
    for position, atomic_number in zip(scaled, cell.numbers, strict=True):
        on_face = np.abs(position) < 1e-6
        for shift in product(*((0, 1) if edge else (0,) for edge in on_face)):
            places.append(position + shift)
            numbers.append(atomic_number)
    if len(places) > MOST:
        places, numbers = list(scaled), list(cell.numbers)
    return np.array(places) @ cell.cell.array, np.array(numbers)


def bonds(positions: np.ndarray, numbers: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of drawn atoms near enough for a line between them.

    Args:
        positions: (n, 3) Å. numbers: (n,) atomic numbers.
    """
    distance = np.linalg.norm(positions[:, None] - positions[None], axis=2)
    radii = covalent_radii[numbers]
    near = (distance < BOND * (radii[:, None] + radii[None])) & (distance > 0.3)
    return [(int(i), int(j)) for i, j in np.argwhere(np.triu(near))]


def view(cell: np.ndarray) -> np.ndarray:
    """Rotation (3, 3) whose rows are right, up and towards the reader, seen along about −b."""
    vertical = cell[2] / np.linalg.norm(cell[2])
    side = cell[0] - (cell[0] @ vertical) * vertical
    side /= np.linalg.norm(side)
    front = np.cross(vertical, side)
    turn, lift = np.radians(24.0), np.radians(14.0)
    right = np.cos(turn) * side + np.sin(turn) * front
    level = np.sin(turn) * side - np.cos(turn) * front
    up = np.cos(lift) * vertical - np.sin(lift) * level
    towards = np.sin(lift) * vertical + np.cos(lift) * level
    return np.array([right, up, towards])


def draw(primitive: Atoms, name: str) -> Markup:
    """An svg of the conventional cell.

    Args:
        primitive: periodic crystal. name: of the material, for readers who do not see it.
    """
    cell = conventional(primitive)
    positions, numbers = filled(cell)
    turn = view(cell.cell.array)
    corners = np.array(list(product((0, 1), repeat=3))) @ cell.cell.array
    around = np.vstack([positions, corners]) @ turn.T
    middle = (around.min(axis=0) + around.max(axis=0)) / 2
    reach = float(np.ptp(around[:, :2], axis=0).max()) or 1.0
    scale = 0.84 * SIZE / (reach + 1.2)

    def place(points: np.ndarray) -> np.ndarray:
        flat = (points @ turn.T - middle) * scale
        return np.column_stack([SIZE / 2 + flat[:, 0], SIZE / 2 - flat[:, 1], flat[:, 2]])

    on_page, corner = place(positions), place(corners)
    pieces: list[tuple[float, str]] = []
    for i, j in bonds(positions, numbers):
        depth = float(min(on_page[i, 2], on_page[j, 2])) - 1e-3
        pieces.append((depth, _line(on_page[i], on_page[j], "bond")))
    for i, atomic_number in enumerate(numbers):
        radius = 0.45 * covalent_radii[atomic_number] * scale
        x, y = on_page[i, :2]
        pieces.append(
            (
                float(on_page[i, 2]),
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" '
                f'fill="{colour(atomic_number)}" class="atom"/>',
            )
        )
    edges = "".join(
        _line(corner[i], corner[j], "edge")
        for i, j in product(range(8), repeat=2)
        if i < j and bin(i ^ j).count("1") == 1
    )
    drawn = "".join(piece for _, piece in sorted(pieces, key=lambda piece: piece[0]))
    lengths = ", ".join(f"{length:.2f}" for length in cell.cell.lengths())
    text = f"Conventional cell of {name}, {len(cell)} atoms, edges {lengths} Å"
    return Markup(
        f'<svg class="crystal" viewBox="0 0 {SIZE:.0f} {SIZE:.0f}" role="img" '
        f'aria-label="{escape(text)}"><title>{escape(text)}</title>{edges}{drawn}</svg>'
    )


def legend(primitive: Atoms) -> list[tuple[str, str]]:
    """Chemical symbols and colours of the species, in the order of the cell."""
    return [(chemical_symbols[z], colour(z)) for z in dict.fromkeys(primitive.numbers)]


def colour(atomic_number: int) -> str:
    """Jmol's colour of an element as `#rrggbb`, the very light ones darkened for white paper."""
    shade = np.array(jmol_colors[atomic_number])
    if shade.mean() > 0.9:
        shade = shade * 0.82
    return "#" + "".join(f"{round(255 * part):02x}" for part in shade)


def _line(start: np.ndarray, end: np.ndarray, kind: str) -> str:
    return (
        f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" '
        f'class="{kind}"/>'
    )
