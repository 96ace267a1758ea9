"""Registration: frames that others wrote are laid on the sites of our supercell, or refused.

The same crystal can come in another setting, origin, orientation, handedness or order of atoms.
Which of them is decided for a whole source of frames, by their average, so that neither heat nor a
few atoms that hopped decide; an atom that changes its place later is seen to do so.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress, voigt_6_to_full_3x3_stress

from umklapp.crystals import frame_info, frames, orientations, sites, symmetry
from umklapp.crystals.orientations import Setting, Sites
from umklapp.errors import InputError
from umklapp.wording import counted

log = logging.getLogger(__name__)

LARGEST_RESIDUAL = 0.25
"""Mean distance from the sites, in bonds, above which a frame is not this crystal. Random places
give about 0.55; a crystal about to melt 0.15."""

LARGEST_SHARE = 0.25
"""Share of atoms farther than half a bond from their sites above which the order is another."""

IN_ORDER = 0.9
"""Share of atoms near their own sites, on average over a source, that says the order is ours."""

SHEARED = 0.01
"""Mean strain of a source that the symmetry of the crystal forbids, from which on it is said;
temperature and another functional give 0.002 at most, and strains on purpose have both signs."""

AVERAGED = 64
"""Frames of a source whose mean positions decide."""


@dataclass
class Report:
    """How frames of a source lie on the sites.

    residuals: mean distance of every registered frame's atoms, Å; farthest: largest distance of an
    atom, Å; strains: largest component of every registered frame; settings: in how many ways the
    source writes the crystal; other_cells: frames in other cells, which are left as they are;
    changed: frames that were turned, shifted or put in another order. forbidden: largest component
    of their mean strain that the symmetry of the crystal does not allow.
    """

    source: str
    residuals: list[float] = field(default_factory=list)
    farthest: float = 0.0
    strains: list[float] = field(default_factory=list)
    settings: int = 0
    other_cells: int = 0
    changed: int = 0
    forbidden: float = 0.0

    def take(self, lengths: np.ndarray, strain: np.ndarray, changed: bool) -> None:
        """A registered frame: distances (N,) Å from the sites, strain (3, 3)."""
        self.residuals.append(float(lengths.mean()))
        self.farthest = max(self.farthest, float(lengths.max()))
        self.strains.append(float(np.abs(strain).max()))
        self.changed += changed

    def __str__(self) -> str:
        parts = []
        if self.residuals:
            parts.append(
                f"{len(self.residuals)} frames on the sites, atoms {np.mean(self.residuals):.3f} Å "
                f"from them on average, {self.farthest:.2f} Å at most; largest strain "
                f"{max(self.strains):.1e}; {counted(self.changed, 'frame')} turned, shifted or "
                "reordered" + (f" from {self.settings} settings" if self.settings > 1 else "")
            )
        if self.other_cells:
            parts.append(f"{self.other_cells} frames in other cells are left as they are")
        return f"{self.source}: " + ("; ".join(parts) or "no frames")


def register(
    labels: Iterable[Atoms], perfect: Atoms, source: str, numbers: Sequence[int] | None = None
) -> tuple[list[Atoms], Report]:
    """Frames of one source on the sites of a supercell, with their labels.

    All rotations of the lattice, translations and both handednesses are tried. Positions, forces
    and stress turn along: x' = x Qᵀ, F' = F Qᵀ, σ' = Q σ Qᵀ. A strained cell stays strained, its
    rotation is taken out. Frames in other cells (another size or shape) are left as they are.

    Args:
        labels: labelled frames in the order of the source. perfect: supercell, N atoms.
        source: named in errors. numbers: of the frames in the source; default: from 0.

    Raises:
        InputError: the mean distance of a frame's atoms from the sites is above
            `LARGEST_RESIDUAL` bonds; source, frame and residual are named.
    """
    given = list(labels)
    names = range(len(given)) if numbers is None else numbers
    target, report = Sites.of(perfect), Report(source)
    settings_of_species: dict[bytes, list[Setting]] = {}
    placed, strains = [], []
    for place, frame in enumerate(given):
        settings = settings_of_species.setdefault(_species(frame), [])
        lengths, setting = _best(settings, frame, target)
        if setting is None or not _fits(lengths, target.bond):
            decided = _decide(given[place:], target)
            if decided is None:
                placed.append(frame)
                report.other_cells += 1
                continue
            lengths, setting = _best([*settings, decided], frame, target)
            if setting is None or not _fits(lengths, target.bond):
                raise InputError(_refusal(f"{source} frame {names[place]}", lengths, target))
            settings.append(decided)
            report.settings += 1
        moved = laid(frame, setting, target)
        strains.append(setting.strain(frame, perfect))
        report.take(lengths, strains[-1], moved is not frame)
        placed.append(moved)
    if strains:
        _hold_against_symmetry(report, np.mean(strains, axis=0), perfect)
    return placed, report


def _hold_against_symmetry(report: Report, strain: np.ndarray, perfect: Atoms) -> None:
    """Say that the cells of a source are sheared where the crystal's symmetry allows no shear."""
    cell = perfect.cell.array.T
    turns = [cell @ turn @ np.linalg.inv(cell) for turn in symmetry.rotations(perfect)]
    allowed = np.mean([turn @ strain @ turn.T for turn in turns], axis=0)
    report.forbidden = float(np.abs(strain - allowed).max())
    if report.forbidden > SHEARED:
        log.warning(
            "%s: the cells are strained by %.1f %% on average in a way that the symmetry of %s "
            "does not allow (a shear, or lengths that should be alike). Are they of this crystal? "
            "Strains on purpose have both signs",
            *(report.source, 100 * report.forbidden, perfect.get_chemical_formula()),
        )


def setting_of(atoms: Atoms, perfect: Atoms, source: str) -> Setting | None:
    """The setting of one configuration without labels; None where it is in another cell.

    Raises:
        InputError: as `register`.
    """
    target = Sites.of(perfect)
    setting = _decide([atoms], target)
    if setting is not None:
        lengths = _lengths(setting, atoms, target)
        if not _fits(lengths, target.bond):
            raise InputError(_refusal(source, lengths, target))
    return setting


def _species(frame: Atoms) -> bytes:
    return np.asarray(frame.numbers, int).tobytes()


def _best(
    settings: Sequence[Setting], frame: Atoms, target: Sites
) -> tuple[np.ndarray, Setting | None]:
    """Distances (N,) Å of a frame's atoms from the sites in the setting where they are least."""
    best: tuple[np.ndarray, Setting | None] = (np.full(1, np.inf), None)
    for setting in settings:
        if np.abs(setting.strain(frame, target.perfect)).max() > orientations.LARGEST_STRAIN:
            continue
        lengths = _lengths(setting, frame, target)
        if lengths.mean() < best[0].mean():
            best = lengths, setting
    return best


def _lengths(setting: Setting, frame: Atoms, target: Sites) -> np.ndarray:
    """Distances (N,) Å of the atoms from the sites in a setting, strain and drift taken out."""
    places = setting.fractional(frame) @ target.perfect.cell.array
    apart = sites.displacements(places[None], target.perfect)[0]
    return np.asarray(np.linalg.norm(apart, axis=-1))


def _fits(lengths: np.ndarray, bond: float) -> bool:
    far = float((lengths > 0.5 * bond).mean())
    return float(lengths.mean()) <= LARGEST_RESIDUAL * bond and far <= LARGEST_SHARE


def _refusal(where: str, lengths: np.ndarray, target: Sites) -> str:
    name = target.perfect.get_chemical_formula()
    return (
        f"{where}: the atoms lie {lengths.mean():.2f} Å from the sites of {name} "
        f"on average ({lengths.max():.2f} Å at most), in the best of all orientations, origins and "
        f"orders; up to {LARGEST_RESIDUAL} of the bond ({LARGEST_RESIDUAL * target.bond:.2f} Å) is "
        "this crystal. Is the file of another structure, or molten? Leave the frame out (skip, "
        "every), or correct the structure of the material"
    )


def _decide(given: Sequence[Atoms], target: Sites) -> Setting | None:
    """The setting of the first frame, by the average of the frames that are like it.

    None where the frame is in another cell.
    """
    if sorted(given[0].numbers) != sorted(target.perfect.numbers):
        return None
    if not orientations.lattice_maps(given[0].cell.array, target.perfect.cell.array):
        return None
    mean = _average(given, target.bond)
    candidates = orientations.settings(mean, target)
    for setting in candidates:
        if _in_order(setting, mean, target):
            return setting
    return orientations.assigned(candidates[0], mean, target) if candidates else None


def _in_order(setting: Setting, mean: Atoms, target: Sites) -> bool:
    """Whether the order of atoms is ours already, up to a symmetry of the crystal.

    The drift stays in: some crystals are nearly a translation of themselves.
    """
    perfect = target.perfect
    if (mean.numbers != perfect.numbers).any():
        return False
    places = setting.fractional(mean) @ perfect.cell.array
    apart = sites.nearest_image(places - perfect.positions, perfect.cell.array)
    return bool((np.linalg.norm(apart, axis=-1) < 0.5 * target.bond).mean() > IN_ORDER)


def _average(given: Sequence[Atoms], bond: float) -> Atoms:
    """The first frame at the median place of every atom, and mean cell, of the frames like it.

    Frames are alike where one is a small displacement of the other; an atom that hopped counts
    at the place where it is most of the time.
    """
    first = given[0]
    alike = [
        frame
        for frame in given
        if _species(frame) == _species(first)
        and np.abs(sites.strain(frame.cell.array, first.cell.array)).max() < sites.SMALL_STRAIN
    ]
    chosen = [alike[n] for n in np.unique(np.linspace(0, len(alike) - 1, AVERAGED).astype(int))]
    apart = sites.of_frames(chosen, first)
    near = [n for n, u in enumerate(apart) if _fits(np.linalg.norm(u, axis=-1), bond)]
    mean = first.copy()
    mean.set_cell(np.mean([chosen[n].cell.array for n in near], axis=0), scale_atoms=True)
    mean.positions += np.median(apart[near], axis=0)
    return mean


def laid(frame: Atoms, setting: Setting, target: Sites) -> Atoms:
    """A labelled frame in our setting; the very same frame where nothing has to be done."""
    perfect, order = target.perfect, setting.order
    cell, rotation = setting.turn(frame, perfect)
    labels = dict(frame.calc.results)
    shift = float(np.linalg.norm(setting.shift @ perfect.cell.array))
    same_axes = (setting.basis == np.eye(3)).all() and np.abs(rotation - np.eye(3)).max() < 1e-6
    if same_axes and shift < 0.5 * target.bond:  # a drift stays in the frame
        if (order == np.arange(len(order))).all():
            return frame
        moved = frame[order]
        labels["forces"] = labels["forces"][order]
    else:
        moved = Atoms(frame.numbers[order], cell=cell, pbc=True)
        moved.set_scaled_positions(setting.fractional(frame))
        labels["forces"] = labels["forces"][order] @ rotation.T
        if labels.get("stress") is not None:
            full = voigt_6_to_full_3x3_stress(labels["stress"])
            labels["stress"] = full_3x3_to_voigt_6_stress(rotation @ full @ rotation.T)
    frame_info.inherit(moved, frame)
    kept = {key: labels[key] for key in ("energy", "forces", "stress") if key in labels}
    return frames.labelled(moved, **kept)
