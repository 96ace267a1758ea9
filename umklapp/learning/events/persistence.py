"""Does a labelled event last? Short runs and relaxations of the learned committee, audited.

From labelled frames in events the last committee runs a few hundred fs at the temperature of the
event and relaxes the atoms in the fixed cell. The reference engine labels where both end: only a
committee whose forces are right there speaks for the reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from ase import Atoms
from ase.optimize import FIRE

from umklapp.crystals import frames, sites
from umklapp.crystals.frame_info import identity
from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.learning.events.event_record import (
    EventRecord,
    LabelInEvent,
    PersistenceRecord,
    Source,
    Trial,
)
from umklapp.learning.events.moves import moved_atoms
from umklapp.learning.events.quiet import LEAVE, Quiet
from umklapp.learning.sampling import dynamics, health
from umklapp.potentials.calculator import PotentialCalculator
from umklapp.potentials.committee import Committee

KEPT = 20.0
"""fs between the frames of a run that are looked at."""

LAST = 0.25
"""Share of a run, at its end, over which displacements and σᴬ are averaged."""

RESIDUAL = 0.02
"""eV/Å; the relaxation ends at this largest force."""


@dataclass(frozen=True)
class Start:
    """A labelled frame to continue from; temperature K; motion: of its event; quiet: band there."""

    frame: Atoms
    motion: str
    temperature: float
    quiet: Quiet


def chosen(labels: Sequence[LabelInEvent], count: int) -> list[LabelInEvent]:
    """Labels to continue from: of every motion in turn the one of the lowest energy score.

    Excursions return by definition and come last.
    """
    groups: dict[tuple[bool, str], list[LabelInEvent]] = {}
    for label in sorted(labels, key=LabelInEvent.score):
        key = label.kind.startswith("excursion"), label.motion
        groups.setdefault(key, []).append(label)
    order = [groups[key] for key in sorted(groups)]
    turns = zip_longest(*order)
    return [label for turn in turns for label in turn if label is not None][:count]


def starts(
    labels: Sequence[LabelInEvent], labelled: Sequence[Atoms], record: EventRecord
) -> list[Start]:
    """Labelled frames to continue from, with the quiet band of the last committee's dynamics.

    Args:
        labels: `chosen`. labelled: labelled frames with their identities, among them theirs.
    """
    by_frame = {identity(frame): frame for frame in labelled}
    bands = {ensemble.temperature: ensemble.after.quiet for ensemble in record.dynamics}
    continued = []
    for label in labels:
        band = bands.get(label.temperature)
        if band is not None:
            frame = by_frame[label.frame_id]
            continued.append(Start(frame, label.motion, label.temperature, band))
    return continued


def continue_events(
    starts: Sequence[Start],
    committee: Committee,
    harmonic: HarmonicReference,
    duration: float,
    timestep: float,
    friction: float,
    generator: np.random.Generator,
) -> tuple[list[Trial], list[Atoms]]:
    """Run and relax from every start.

    Args:
        duration: fs. timestep: fs. friction: 1/fs.

    Returns:
        Trials, not yet audited, and the frames to label: the last one of each run, and the relaxed.
    """
    runs = _dynamics(starts, committee, harmonic, duration, timestep, friction, generator)
    trials, asked = [], []
    for start, run in zip(starts, runs, strict=True):
        end = run.atoms.copy()
        end.positions = run.positions[-1] if run.positions else end.positions
        relaxed = relax(start.frame, committee)
        trial = judge_run(
            identity(start.frame),
            start.motion,
            start.temperature,
            np.array(run.time),
            np.array(run.sigma),
            np.array(run.positions).reshape(-1, len(end), 3),
            start.frame.positions,
            start.quiet,
            harmonic,
            cell=start.frame.cell.array,
        )
        ends = [frames.strip(frame) for frame in (end, relaxed)]
        trials.append(
            trial.model_copy(
                update={
                    "relaxed": still_away(
                        relaxed.positions[None],
                        start.frame.positions,
                        harmonic,
                        start.frame.cell.array,
                    ),
                    "end_frame": identity(ends[0]),
                    "relaxed_frame": identity(ends[1]),
                }
            )
        )
        asked += ends
    return trials, asked


def judge_run(
    label: str,
    motion: str,
    temperature: float,
    time: np.ndarray,
    sigma: np.ndarray,
    positions: np.ndarray,
    start: np.ndarray,
    quiet: Quiet,
    harmonic: HarmonicReference,
    source: Source = "learned committee",
    cell: np.ndarray | None = None,
) -> Trial:
    """Whether an event was still there at the end of a run.

    Args:
        label, motion, temperature: of the frame it began with. time: (n,) fs from there; sigma:
        (n,); positions: (n, N, 3) Å. start: (N, 3) Å, the labelled frame. quiet: band of σᴬ at this
        temperature. source: what moved the atoms. cell: as of `still_away`.
    """
    if not len(time):
        return Trial(
            label=label,
            motion=motion,
            temperature=temperature,
            source=source,
            duration=0,
            stayed=False,
        )
    lower = quiet.level(LEAVE)
    last = max(1, round(LAST * len(time)))
    back = np.flatnonzero(sigma <= lower)
    large = float(np.nanmean(sigma[-last:])) > lower
    away = still_away(positions[-last:], start, harmonic, cell)
    hopped = bool(moved_from(start, harmonic, cell))
    return Trial(
        label=label,
        motion=motion,
        temperature=temperature,
        source=source,
        duration=float(time[-1]),
        stayed=large and away,
        elsewhere=hopped and away and not large,
        returned=float(time[back[0]]) if len(back) else None,
        audited=source == "reference",
    )


def still_away(
    positions: np.ndarray,
    start: np.ndarray,
    harmonic: HarmonicReference,
    cell: np.ndarray | None = None,
) -> bool:
    """Whether at least half of the atoms that were off their sites in `start` (N, 3) Å still are.

    Where no atom was off its site nothing is asked: σᴬ alone tells.

    Args:
        positions: (n, N, 3) Å; displacements are averaged over the n frames. cell: (3, 3) Å,
            of all of them, strained where pressure is constant; the perfect one if None.
    """

    moved = moved_from(start, harmonic, cell)
    left = _moved(_shift(positions, harmonic, cell), harmonic)
    return 2 * len(moved & left) >= len(moved)


def moved_from(
    frame: np.ndarray, harmonic: HarmonicReference, cell: np.ndarray | None = None
) -> set[int]:
    """Atoms that are off their sites in a frame (N, 3) Å; cell: as of `still_away`."""
    return _moved(_shift(frame[None], harmonic, cell), harmonic)


def _moved(shift: np.ndarray, harmonic: HarmonicReference) -> set[int]:
    return {move.atom for move in moved_atoms(shift, harmonic.perfect)}


def _shift(places: np.ndarray, harmonic: HarmonicReference, cell: np.ndarray | None) -> np.ndarray:
    """Mean displacement (N, 3) Å of frames (n, N, 3) Å in one cell (3, 3) Å."""
    cells = None if cell is None else np.broadcast_to(cell, (len(places), 3, 3))
    return np.asarray(harmonic.displacements(places, cells).mean(axis=0))


def relax(frame: Atoms, committee: Committee, steps: int = 300) -> Atoms:
    """The frame at zero force of the committee mean, cell fixed, after at most so many steps."""
    atoms = frame.copy()
    atoms.calc = PotentialCalculator(committee)
    FIRE(atoms, logfile=None).run(fmax=RESIDUAL, steps=steps)
    atoms.calc = None
    return atoms


def _dynamics(
    starts: Sequence[Start],
    committee: Committee,
    harmonic: HarmonicReference,
    duration: float,
    timestep: float,
    friction: float,
    generator: np.random.Generator,
) -> list[dynamics.Trajectory]:
    zero = committee.evaluate_members([harmonic.perfect]).energy[:, 0] / len(harmonic.perfect)
    scheme = dynamics.Scheme(
        timestep=timestep,
        friction=friction,
        steps=max(1, round(duration / timestep)),
        every=max(1, round(KEPT / timestep)),
    )
    bond = sites.bond_length(harmonic.perfect)
    limit = health.Limits(temperature=1e5, distance=0.4 * bond, force=100.0)
    return dynamics.run(
        committee,
        [start.frame for start in starts],
        [start.temperature for start in starts],
        dynamics.Recorder(zero, harmonic),
        generator,
        scheme,
        lambda target: limit,
    )


def audit(
    runs: PersistenceRecord,
    record: EventRecord,
    labels: Sequence[Atoms],
    committee: Committee,
    bound: float,
) -> tuple[EventRecord, list[Trial]]:
    """Trials with the force errors of the committee where they ended, and label energies counted
    from the engine's own perfect crystal where it was labelled.

    Args:
        labels: of the engine, found by their identities.
        bound: largest force error of an atom, eV/Å, up to which the committee counts as audited.
    """
    by_frame = {identity(label): label for label in labels}
    own = by_frame.get(runs.crystal_frame or "")
    crystal = float(record.crystal_energy or 0.0)
    if own is not None:
        shift = float(own.get_potential_energy()) - crystal
        moved = [
            label.model_copy(update={"energy": label.energy - shift}) for label in record.labels
        ]
        crystal += shift
        record = record.model_copy(update={"labels": tuple(moved), "crystal_energy": crystal})
    return record, [_audited(trial, by_frame, committee, crystal, bound) for trial in runs.trials]


def _audited(
    trial: Trial,
    labels: Mapping[str, Atoms],
    committee: Committee,
    crystal: float,
    bound: float,
) -> Trial:
    ends = [labels.get(name or "") for name in (trial.end_frame, trial.relaxed_frame)]
    present = [label for label in ends if label is not None]
    if not present:
        return trial
    forces = committee.evaluate(present).forces
    error = max(
        float(np.linalg.norm(ours - label.get_forces(), axis=1).max())
        for ours, label in zip(forces, present, strict=True)
    )
    energy = None if ends[0] is None else float(ends[0].get_potential_energy()) - crystal
    complete = len(present) == len(ends)
    return trial.model_copy(
        update={"error": error, "end_energy": energy, "audited": complete and error <= bound}
    )
