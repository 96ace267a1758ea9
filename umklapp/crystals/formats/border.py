"""The border: what every given frame and every given file must satisfy before it is believed.

A frame by itself: numbers that can be meant, a periodic cell, atoms apart from each other. A file
as a whole: one label per configuration, energies that follow from forces (`consistency`), times.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from ase import Atoms, units

from umklapp.crystals import frame_info, frames
from umklapp.crystals.formats import (
    causes,
    consistency,
    distances,
    frame_pairs,
    motion,
    time_axis,
    untested,
    zero_forces,
)
from umklapp.errors import InputError
from umklapp.records import Part, Record
from umklapp.wording import counted

log = logging.getLogger(__name__)

VOLUMES = (0.5, 2000.0)
"""Å³ per atom that a crystal can have."""

LARGEST = {"energy": 1e7, "forces": 1e5, "stress": 100.0}
"""eV per atom (all-electron energies of uranium are −8e5), eV/Å, eV/Å³; beyond is no label."""

LARGEST_STRESS = 3.0
"""eV/Å³ (480 GPa), of the frames' median; a single overheated frame may have more."""

REMEDY = (
    "labels are total energies in eV, forces in eV/Å, stress in eV/Å³ (ASE's sign), positions in "
    "Å; convert the file or leave it out"
)


Outcome = Literal["checked", "undecided"]
"""Of labels that were not refused."""


class SlopePart(Part):
    """A slope that should be 1 (`consistency.Slope`), its error, how many pairs, their distance.

    passing: wrong factors of the energies that these pairs would not show, least and most.
    """

    value: float
    error: float
    pairs: int
    distance_A: float
    passing: tuple[float, float] | None = None

    @classmethod
    def of(cls, slope: consistency.Slope | None) -> SlopePart | None:
        """The record of a slope; None where none could be fitted."""
        if slope is None:
            return None
        return cls(
            value=slope.value,
            error=slope.error,
            pairs=slope.pairs,
            distance_A=slope.distance,
            passing=slope.passing,
        )


class FileReport(Part):
    """What was seen in one file of given labels.

    force_slope: of the energies on the work of the forces; stress_slope: on that of the stress;
    None where the frames do not allow it. untested: wrong units and mix-ups that so few frames do
    not exclude; empty where the labels are checked. times: the time axis in words. notes: what the
    user should know; nothing in them was refused.
    """

    source: str
    frames: int
    force_slope: SlopePart | None = None
    stress_slope: SlopePart | None = None
    untested: tuple[str, ...] = ()
    times: str = ""
    notes: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """Whether the labels are checked; labels that are wrong make no report but an error."""
        return "undecided" if self.untested else "checked"

    def __str__(self) -> str:
        parts = [f"{counted(self.frames, 'frame')}"]
        for name, slope in (("forces", self.force_slope), ("stress", self.stress_slope)):
            if slope is not None:
                parts.append(
                    f"slope of the energies on the {name} {slope.value:.3f} ± {slope.error:.1g} "
                    f"({slope.pairs} pairs, {slope.distance_A:.2g} Å apart; 1 is right)"
                )
                if slope.passing is not None:
                    low, high = slope.passing
                    parts.append(f"a wrong factor of {low:.2g} to {high:.2g} would not show")
        if self.untested:
            parts.append(f"UNDECIDED: these labels may be {'; or '.join(self.untested)}")
        return f"{self.source}: " + "; ".join([*parts, *filter(None, [self.times]), *self.notes])


class SeedReport(Record):
    """seeds/frames_n.report.json, nomad_n.report.json: what was seen in every given file."""

    files: list[FileReport]


def believed(frame: Atoms, where: str) -> Atoms:
    """A labelled frame in a right-handed cell, after what can be said of it alone.

    A left-handed cell becomes right-handed by the sign of its three vectors: the same lattice,
    the same labels.

    Raises:
        InputError: naming `where`: as `frames.check`; not periodic in three directions, a volume
            or a distance that no crystal has, labels beyond `LARGEST`, a net force.
    """
    frames.check(frame, where)
    if not frame.pbc.all():
        raise InputError(
            f"{where}: periodic in {frame.pbc.sum()} directions, not in three: crystals are "
            'expected (pbc="T T T" in extxyz, where the calculation was periodic)'
        )
    if not np.isfinite(frame.cell.array).all() or (frame.numbers < 1).any():
        raise InputError(f"{where}: a cell that is not finite, or an unknown species")
    volume = abs(frame.cell.volume) / len(frame)
    if not VOLUMES[0] < volume < VOLUMES[1]:
        raise InputError(
            f"{where}: {volume:.3g} Å³ per atom: no crystal has that; are cell and positions in Å?"
        )
    _check_sizes(frame, where)
    distances.check(frame, where)
    if frame.cell.volume > 0 and frame.cell.handedness > 0:
        return frame
    turned = Atoms(frame.numbers, cell=-frame.cell.array, positions=frame.positions, pbc=True)
    frame_info.inherit(turned, frame)
    kept = ("energy", "forces", "stress")
    return frames.labelled(
        turned, **{name: frame.calc.results[name] for name in kept if name in frame.calc.results}
    )


def _check_sizes(frame: Atoms, where: str) -> None:
    for name in LARGEST:
        if frame.calc.results.get(name) is not None and not np.size(frame.calc.results[name]):
            raise InputError(f"{where}: {name} without a number; {REMEDY}")
    sizes = {
        name: float(np.abs(np.asarray(frame.calc.results[name], float)).max())
        for name in LARGEST
        if frame.calc.results.get(name) is not None
    }
    sizes["energy"] /= len(frame)
    for name, size in sizes.items():
        if size > LARGEST[name]:
            raise InputError(f"{where}: {name} of {size:.3g}: no calculation gives that; {REMEDY}")
    forces = frame.calc.results["forces"]
    if forces.shape != (len(frame), 3):
        raise InputError(f"{where}: forces of shape {forces.shape}")
    zero_forces.check_sum(forces, where, REMEDY)


class Inspected(NamedTuple):
    """Frames of a file in the order of their times, without copies; their numbers in the file."""

    frames: list[Atoms]
    numbers: list[int]
    report: FileReport


def inspect(
    labels: Sequence[Atoms],
    source: str,
    numbers: Sequence[int] | None = None,
    notes: Sequence[str] = (),
    units_stated: bool = False,
) -> Inspected:
    """What the frames of one file say together.

    Args:
        labels: in the order of the file. source: named in errors.
        numbers: of the frames in the file; default: from 0. notes: of whoever read the file.
        units_stated: whether the format of the file says the units, as a program's own output does.

    Raises:
        InputError: with file, frame and the likely cause: one configuration with two labels, times
            of other frames, forces that are all zero, a frame whose energy nothing explains,
            energies that do not follow forces or stresses.
    """
    names = list(range(len(labels)) if numbers is None else numbers)
    order, said = time_axis.in_order(labels, names, source)
    labels, names = [labels[n] for n in order], [names[n] for n in order]
    zero_forces.check(labels, source, names)
    reports: list[FileReport] = []
    for group in _groups(labels):
        chosen = [labels[n] for n in group]
        reports.append(_of_one_kind(chosen, source, [names[n] for n in group], units_stated))
    largest = max(reports, key=lambda report: report.frames, default=None)
    report = FileReport(
        source=source,
        frames=len(labels),
        force_slope=largest and largest.force_slope,
        stress_slope=largest and largest.stress_slope,
        untested=tuple(dict.fromkeys(cause for part in reports for cause in part.untested)),
        times=time_axis.words(labels, names),
        notes=(
            *(*notes, *said, *(note for part in reports for note in part.notes)),
            *(*_orders(labels), *_untested_stress(labels, reports, source)),
        ),
    )
    if report.untested:
        log.warning("%s; more frames, close to each other, would tell", report)
    else:
        log.info("%s", report)
    return Inspected(labels, names, report)


def _groups(labels: Sequence[Atoms]) -> Iterator[list[int]]:
    """Numbers of the frames with the same atoms in the same order."""
    groups: dict[bytes, list[int]] = {}
    for index, frame in enumerate(labels):
        groups.setdefault(np.asarray(frame.numbers, int).tobytes(), []).append(index)
    yield from groups.values()


def _orders(labels: Sequence[Atoms]) -> list[str]:
    sizes = Counter(len(labels[group[0]]) for group in _groups(labels))
    return [
        f"{count} orders of the atoms in frames of {size} atoms"
        for size, count in sizes.items()
        if count > 1
    ]


def _untested_stress(
    labels: Sequence[Atoms], reports: Sequence[FileReport], source: str
) -> list[str]:
    """The work of stresses needs frames in two cells; else only their size can be said.

    Raises:
        InputError: they are too large for eV/Å³.
    """
    stresses = [frames.stress_of(frame) for frame in labels if frames.has_stress(frame)]
    if not stresses or any(report.stress_slope is not None for report in reports):
        return []
    sizes = np.abs(stresses).max(axis=1)
    if np.median(sizes) > LARGEST_STRESS:
        raise InputError(
            f"{source}: stresses of {np.median(sizes):.3g} eV/Å³, which are "
            f"{np.median(sizes) / units.GPa:.3g} GPa: no crystal is under such a pressure. Likely: "
            f"stresses in GPa, kbar or bar, or a virial in eV. {REMEDY}"
        )
    largest = float(sizes.max()) / units.GPa
    return [
        f"stresses (up to {largest:.2g} GPa as eV/Å³) are not tested: their unit and sign show "
        "only between frames in different cells"
    ]


def _of_one_kind(
    labels: Sequence[Atoms], source: str, names: Sequence[int], units_stated: bool
) -> FileReport:
    pairs = frame_pairs.pairs_of(labels)
    energies = np.array([frame.calc.results["energy"] for frame in labels])
    stray = consistency.stray_frames(pairs, energies, len(labels[0]))
    if stray:
        raise InputError(
            f"{source} frame {names[stray[0]]}: its energy, {energies[stray[0]]:.6g} eV, is not "
            f"of the same calculation as the others' (their median is {np.median(energies):.6g} "
            f"eV): the forces explain no such difference; {len(stray)} such frames; leave them out"
        )
    mixed = consistency.mixed(pairs, len(labels[0]))
    if mixed is not None:
        raise InputError(
            f"{source} frames {names[mixed[0]]} and {names[mixed[1]]}: their energies differ by "
            f"{mixed[2]:.4g} eV more than forces explain, and all frames belong to one of the two: "
            "two calculations (units, settings) are mixed in the file; give them as two files, or "
            "leave one out"
        )
    _check_motion(labels, source)
    notes = time_axis.check_motion(labels, names, source)
    force, stress = consistency.force_slope(pairs), consistency.stress_slope(pairs)
    for name, slope, explain in (
        ("forces", force, causes.force_causes),
        ("stress", stress, causes.stress_causes),
    ):
        if slope is not None and not slope.right:
            law = "−ΣF·Δr" if name == "forces" else "V σ:ε"
            raise InputError(
                f"{source}: energies and {name} do not belong together: the slope of ΔE on {law} "
                f"between neighbouring frames is {slope}, and 1 is right. Likely: "
                f"{'; or '.join(explain(slope, labels)[:3])}. {REMEDY[0].upper()}{REMEDY[1:]}"
            )
    passing = untested.of_pairs(force, labels)
    if not units_stated:
        passing += untested.common_to_both(labels)
        passing += untested.of_stress(labels) if stress is None else []
    return FileReport(
        source=source,
        frames=len(labels),
        force_slope=SlopePart.of(force),
        stress_slope=SlopePart.of(stress),
        untested=tuple(passing),
        notes=notes,
    )


def _check_motion(labels: Sequence[Atoms], source: str) -> None:
    """Energies and forces of one wrong unit or sign fit each other, but not the motion."""
    newton = motion.newton(labels)
    if newton is not None and not newton.right:
        raise InputError(
            f"{source}: forces are not those that move the atoms: between frames at stated times "
            f"m Δ²r/Δt² is {newton.slope:.3g} ± {newton.error:.1g} F ({newton.triples} triples), "
            "and 1 is right. Likely: forces of another unit or sign than eV/Å (energies, too, if "
            f"they fit the forces), or times that are not in fs. {REMEDY}"
        )
    away = motion.pushes_away(labels)
    if away is not None and away > motion.PUSHED:
        raise InputError(
            f"{source}: forces push the atoms away from their mean positions ({away:.2f} of all "
            "work, where a crystal has about −1): forces have the other sign, or are gradients "
            f"(energies with the other sign fit them). {REMEDY}"
        )


def write_report(path: Path, reports: Sequence[FileReport]) -> None:
    """The record of all files of a seed, beside its frames."""
    SeedReport(files=list(reports)).write(path)
