"""Labelled extxyz of others: which of the names in it are the labels."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.io import iread
from ase.stress import full_3x3_to_voigt_6_stress

from umklapp.config import LabelKeys
from umklapp.crystals import frames
from umklapp.crystals.formats import dropped, packed
from umklapp.errors import InputError

PREFIXED = re.compile(
    r"(?:(ref|dft|qm|vasp|aims|gpaw|mace|gap|target|label|true)[_-]?)?"
    r"(?:(?:total|potential|free|e0|scf|config)[_-]?)?(energy|energies|forces?|gradients?|stress|stresses|virials?)",
    re.IGNORECASE,
)
"""Names that others give to labels."""

VIRIALS = ("virial", "virials")
"""−V σ (eV), taken for the stress where there is none."""

OURS = {"energy", "forces", "stress", "free_energy", *VIRIALS}

CELL_SYMMETRIC = 1e-3
"""eV/Å³; a stress may be so asymmetric by rounding."""


def read(path: Path, keys: LabelKeys, notes: list[str]) -> Iterator[Atoms]:
    """Every labelled frame of an extxyz file, one in memory at a time.

    Forces belong to the free energy, so `free_energy` is the label where a frame has it. A virial
    is the stress −virial/V where a frame has no other.

    Args:
        keys: names of the user's. notes: sentences about what was read are added to it.

    Raises:
        InputError: naming file and frame: unreadable, cut, labels missing, of other names, or
            twice with different values.
    """
    check(path)
    frame_index, differing, virials = -1, 0.0, 0
    try:
        with packed.readable(path), packed.opened_text(path) as text:
            for frame_index, atoms in enumerate(iread(text, index=":", format="extxyz")):
                where = f"{path} frame {frame_index}"
                if (said := dropped.check(atoms, where)) and said not in notes:
                    notes.append(said)
                results = dict(atoms.calc.results) if atoms.calc is not None else {}
                labels, difference, virial = _labels(atoms, results, keys, where)
                differing = max(differing, difference)
                virials += virial
                atoms.info = _kept(atoms.info)
                yield _labelled(atoms, labels, where)
    except InputError:
        raise
    except Exception as error:  # ASE raises many kinds for a file that it cannot parse
        raise InputError(
            f"{path} frame {frame_index + 1}: cannot be read as extxyz ({str(error)[:300]}); is "
            "the file cut, or of another format?"
        ) from None
    if frame_index < 0:
        raise InputError(f"{path}: no frames in the file")
    if differing > 1e-6:
        notes.append(
            f"labels are free energies, which the forces belong to; `energy` differs by up to "
            f"{1e3 * differing:.3g} meV per atom"
        )
    if virials:
        notes.append(f"the stress of {virials} frames is −virial/V")


def _labelled(atoms: Atoms, labels: Mapping[str, Any], where: str) -> Atoms:
    """The frame with its labels; shapes are checked before ASE sees them."""
    if np.shape(labels["energy"]) not in ((), (1,)) or isinstance(labels["energy"], str):
        raise InputError(f"{where}: the energy is no number but {labels['energy']!r:.60}")
    forces = np.asarray(labels["forces"])
    if forces.shape != (len(atoms), 3):
        raise InputError(f"{where}: forces of shape {forces.shape} for {len(atoms)} atoms")
    pbc = atoms.pbc.copy()
    frame = frames.labelled(
        atoms, float(np.squeeze(labels["energy"])), forces.astype(float), labels.get("stress")
    )
    frame.pbc = pbc  # the border refuses what is not periodic
    return frame


def _kept(info: Mapping[str, Any]) -> dict[str, Any]:
    """Entries of the user's without labels, which the frame has in its calculator."""
    return {key: value for key, value in info.items() if not PREFIXED.fullmatch(key)}


def _labels(
    atoms: Atoms, results: Mapping[str, Any], keys: LabelKeys, where: str
) -> tuple[dict[str, Any], float, bool]:
    """Energy, forces and stress; how far `energy` is from the free energy (eV per atom); and
    whether the stress is a virial's."""
    entries = {**atoms.info, **atoms.arrays, **results}
    for kind, name in keys:
        if name is not None and name != "none" and name not in entries:
            raise InputError(f"{where}: keys.{kind}: the file has no {name!r}{_offer(entries)}")
    difference = 0.0
    if keys.energy is not None:
        energy = entries[keys.energy]
    elif results.get("free_energy") is not None:
        energy = results["free_energy"]
        other = results.get("energy", energy)
        difference = float(np.max(np.abs(np.subtract(energy, other)))) / max(len(atoms), 1)
    else:
        energy = results.get("energy")
    forces = entries[keys.forces] if keys.forces is not None else results.get("forces")
    for kind, value in (("energy", energy), ("force", forces)):
        if value is None:
            raise InputError(f"{where}: no {kind} label{'s' * (kind == 'force')}{_offer(entries)}")
    stress, virial = _stress(atoms, entries, results, keys, where)
    _check_others(entries, keys, {"energy": energy, "forces": forces}, where)
    labels = {"energy": energy, "forces": forces, "stress": stress}
    return labels, difference, virial


def _stress(
    atoms: Atoms,
    entries: Mapping[str, Any],
    results: Mapping[str, Any],
    keys: LabelKeys,
    where: str,
) -> tuple[np.ndarray | None, bool]:
    """Stress (6,) eV/Å³ of a frame, and whether it is from a virial."""
    if keys.stress == "none":
        return None, False
    name = keys.virial or next((n for n in VIRIALS if n in entries), None)
    given = entries[keys.stress] if keys.stress is not None else results.get("stress")
    stress = None if given is None else _voigt(given, where)
    if name is None or keys.stress is not None:
        return stress, False
    if abs(atoms.cell.volume) < 1e-6:
        return stress, False  # the border refuses the cell
    of_virial = -_voigt(entries[name], where) / abs(atoms.cell.volume)
    if stress is None:
        return of_virial, True
    if np.abs(of_virial - stress).max() > CELL_SYMMETRIC + 0.02 * np.abs(stress).max():
        raise InputError(
            f"{where}: the stress is not −{name}/V: one of them has another unit or sign; say "
            f"which is right: `keys: {{stress: stress}}` or `keys: {{virial: {name}}}`"
        )
    return stress, False


def _voigt(values: Any, where: str) -> np.ndarray:
    """A stress of 9 or 6 numbers as (6,), in ASE's order.

    Raises:
        InputError: another shape, or far from symmetric.
    """
    try:
        array = np.asarray(values, float)
    except (TypeError, ValueError):
        raise InputError(f"{where}: a stress or virial is no list of numbers") from None
    if array.size == 6:
        return array.reshape(6)
    if array.size != 9:
        raise InputError(
            f"{where}: a stress or virial of {array.size} numbers; 6 or 9 are expected"
        )
    full = array.reshape(3, 3)
    if np.abs(full - full.T).max() > CELL_SYMMETRIC + 0.02 * np.abs(full).max():
        raise InputError(f"{where}: a stress or virial that is not symmetric")
    return np.asarray(full_3x3_to_voigt_6_stress((full + full.T) / 2))


def _foreign(entries: Mapping[str, Any]) -> dict[str, list[str]]:
    """Names in the file that look like labels and are not ASE's, by the key that reads them."""
    names_by_key: dict[str, list[str]] = {}
    for name in entries:
        match = PREFIXED.fullmatch(name)
        if match is None or name in OURS:
            continue
        kind = match[2].lower()
        if kind.startswith("energ"):
            key = "energy" if np.size(entries[name]) == 1 else ""
        elif kind.startswith("stress"):
            key = "stress"
        else:
            key = {"f": "forces", "v": "virial"}.get(kind[0], "")
        if key:
            names_by_key.setdefault(key, []).append(name)
    return names_by_key


def _offer(entries: Mapping[str, Any]) -> str:
    """The setting that reads what the file has; empty where it has nothing of the kind."""
    foreign = _foreign(entries)
    if not foreign:
        return ""
    names = ", ".join(name for group in foreign.values() for name in group)
    setting = ", ".join(f"{key}: {foreign[key][0]}" for key in sorted(foreign))
    return f"; the file has {names}: name them where the file is named, `keys: {{{setting}}}`"


def _check_others(
    entries: Mapping[str, Any], keys: LabelKeys, taken: Mapping[str, Any], where: str
) -> None:
    """A second label of another value is refused: only the user knows which is right."""
    for key, names in _foreign(entries).items():
        for name in names:
            if key in ("stress", "virial"):
                said = keys.stress is not None or keys.virial is not None
                if not said and not {"stress", *VIRIALS} & set(entries):
                    raise InputError(
                        f"{where}: {name!r} may be a stress, which umklapp never ignores silently: "
                        f"`keys: {{{key}: {name}}}` reads it, `keys: {{stress: none}}` leaves it"
                    )
            elif getattr(keys, key) is None and _differs(entries[name], taken[key]):
                raise InputError(
                    f"{where}: {name!r} is not the same as {key!r}: say which is the label, "
                    f"`keys: {{{key}: …}}`"
                )


def _differs(one: Any, two: Any) -> bool:
    one, two = np.asarray(one, float), np.asarray(two, float)
    return one.shape == two.shape and not np.allclose(one, two, rtol=1e-6, atol=1e-3)


def check(path: Path) -> None:
    """What can be said of an extxyz before ASE reads it.

    Raises:
        InputError: cut, or a layout that ASE would misread (`frames.check_layout`).
    """
    _check_end(path)
    with packed.readable(path), packed.opened(path) as file:
        first = file.read(3)
        if first != codecs.BOM_UTF8:
            file.seek(0)
        frames.check_layout(file, path)


def _check_end(path: Path) -> None:
    """A text file cut within its last number still parses; only the missing end of line tells."""
    with packed.readable(path):
        if packed.is_packed(path):
            return  # the packed file has a checksum of its own
        with path.open("rb") as file:
            file.seek(0, 2)
            if not file.tell():
                raise InputError(f"{path}: no frames in the file, which is empty")
            file.seek(-1, 2)
            last = file.read(1)
    if last != b"\n":
        raise InputError(
            f"{path}: the last line has no end; is the file truncated? Compare it with its "
            "original (a whole file ends with a line break)"
        )
