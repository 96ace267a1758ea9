"""What the committee says of the drawn frames, fixed before there is a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from ase import Atoms

from umklapp import config, hdf5
from umklapp.crystals import frames
from umklapp.crystals.frame_info import Origin, identity, mark
from umklapp.lattice import harmonic_reference
from umklapp.potentials.committee import Committee
from umklapp.potentials.taylor.correction import Corrected, correct_members, same_cell
from umklapp.transport.audit.drawing import Drawn
from umklapp.transport.audit.record import Source


@dataclass(frozen=True)
class Prediction:
    """Of K members for one frame of N atoms: energies (K,) eV, forces (K, N, 3) eV/Å; harmonic:
    −Φu (N, 3) eV/Å of the committee, None where its force constants are of another cell;
    corrected: the members carry the Taylor correction that κ is made with."""

    frame_id: str
    source: Source
    pair: int
    energies: np.ndarray
    forces: np.ndarray
    harmonic: np.ndarray | None
    corrected: bool


def production(
    raw: Committee, labels: Sequence[Atoms], perfect: Atoms, correction: str, taylor: config.Taylor
) -> Committee:
    """The members as the Boltzmann equation uses them: with the Taylor correction where asked for.

    Args:
        labels: training labels. perfect: phonon supercell. correction: `phonons.correction`.
    """
    if correction != "taylor":
        return raw
    return Committee(
        [member for member, _ in correct_members(raw.members, labels, perfect, taylor, static=True)]
    )


def predict(
    drawn: Sequence[Drawn],
    dynamic: Committee,
    static: Committee,
    harmonic: harmonic_reference.HarmonicReference,
) -> list[Prediction]:
    """Every frame by the members that move it: trajectories by `dynamic`, all others by `static`.

    Args:
        dynamic: as Green–Kubo moved them, with a correction of their own or none.
        static: of `production`. harmonic: force constants of the committee's phonon supercell.
    """
    predictions: dict[int, Prediction] = {}
    for committee, moved in ((dynamic, True), (static, False)):
        places = [n for n, frame in enumerate(drawn) if (frame.source == "green_kubo") == moved]
        if not places:
            continue
        answer = committee.evaluate_members([drawn[place].atoms for place in places])
        for column, place in enumerate(places):
            atoms = drawn[place].atoms
            predictions[place] = Prediction(
                identity(atoms),
                drawn[place].source,
                drawn[place].pair,
                answer.energy[:, column],
                answer.forces[column],
                _harmonic(atoms, harmonic),
                any(isinstance(member, Corrected) for member in committee.members),
            )
    return [predictions[place] for place in range(len(drawn))]


def _harmonic(atoms: Atoms, reference: harmonic_reference.HarmonicReference) -> np.ndarray | None:
    if not same_cell(atoms, reference.perfect):
        return None
    return np.asarray(reference.forces(atoms.positions[None])[0])


def write(
    path: Path, predictions: Sequence[Prediction], not_drawn: dict[str, str], factor: float | None
) -> None:
    """Write hdf5 at once: predictions, why sources gave no frame, and the calibration factor."""
    with hdf5.writing(path) as file:
        file.attrs["units"] = "energies eV, forces eV/Å"
        file.attrs["calibration_factor"] = np.nan if factor is None else factor
        for source, reason in not_drawn.items():
            file.require_group("not_drawn").attrs[source] = reason
        for frame_index, prediction in enumerate(predictions):
            group = file.create_group(f"frames/{frame_index:04d}")
            group.attrs.update(
                frame_id=prediction.frame_id,
                source=prediction.source,
                pair=prediction.pair,
                corrected=prediction.corrected,
            )
            group["energies"], group["forces"] = prediction.energies, prediction.forces
            if prediction.harmonic is not None:
                group["harmonic"] = prediction.harmonic


def read(path: Path) -> tuple[list[Prediction], dict[str, str], float | None]:
    """What `write` wrote."""
    with h5py.File(path) as file:
        factor = float(file.attrs["calibration_factor"])
        not_drawn = dict(file["not_drawn"].attrs) if "not_drawn" in file else {}
        groups = [group for _, group in sorted(file["frames"].items())] if "frames" in file else []
        predictions = [
            Prediction(
                str(group.attrs["frame_id"]),
                str(group.attrs["source"]),  # type: ignore[arg-type]
                int(group.attrs["pair"]),
                group["energies"][()],
                group["forces"][()],
                group["harmonic"][()] if "harmonic" in group else None,
                bool(group.attrs["corrected"]),
            )
            for group in groups
        ]
    return predictions, not_drawn, None if np.isnan(factor) else factor


def candidates(drawn: Sequence[Drawn], material: str, round_index: int) -> list[Atoms]:
    """The frames as a round sends them to the engine, each with where it is from."""
    asked = []
    for frame in drawn:
        atoms = frame.atoms.copy()
        mark(atoms, material=material, origin=Origin(kind="audit", index=round_index))
        asked.append(frames.strip(atoms))
    return asked
