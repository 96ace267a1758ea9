"""The error budget of every κ of one material, from its committee and labels it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from phono3py import Phono3py

from umklapp import config
from umklapp.crystals.sites import shortest_distance
from umklapp.errors import UmklappError
from umklapp.lattice import force_constants
from umklapp.potentials.committee import Committee
from umklapp.potentials.taylor.correction import same_cell
from umklapp.potentials.taylor.prior import Prior
from umklapp.potentials.taylor.residual import Residual
from umklapp.potentials.taylor.stiffness import widened
from umklapp.transport import bte, error_budget, potential_error
from umklapp.transport.error_budget import ErrorBudget, ErrorPart, KappaErrors
from umklapp.transport.green_kubo_record import GreenKuboRecord
from umklapp.transport.kappa_records import ROOM, CommitteeKappa
from umklapp.transport.potential_error import ResidualKappa

RANGE = 0.8
"""Of the largest pair distance in a supercell: what lies beyond stands for what lies outside it."""

NO_LABELS = "not audited: no label in the phonon supercell that the committee has not learned from"


@dataclass(frozen=True)
class Setting:
    """How κ is computed: calculation of the phonon supercell, and the sections behind it."""

    calculation: Phono3py
    perfect: Atoms
    phonons: config.Phonons
    taylor: config.Taylor
    conductivity: config.Conductivity

    @property
    def coarse(self) -> list[int]:
        """The mesh of draws: `round_mesh` where it is coarser, else two thirds of `mesh`."""
        fine, coarse = self.conductivity.mesh, self.conductivity.round_mesh
        if np.prod(coarse) < np.prod(fine):
            return list(coarse)
        return [max(1, (2 * points) // 3) for points in fine]

    @property
    def meshes(self) -> list[list[int]]:
        """Of the mesh's part: the coarse one, one between, and that of κ.

        The one between is even along an axis where that of κ is, as far as there is room.
        """
        fine = list(self.conductivity.mesh)
        middle = [
            min(most, (least + most) // 2 + (most - (least + most) // 2) % 2)
            for least, most in zip(self.coarse, fine, strict=True)
        ]
        sizes = [np.prod(mesh) for mesh in (self.coarse, middle, fine)]
        return [self.coarse, *([middle] if sizes[0] < sizes[1] < sizes[2] else []), fine]


def at_sites(labels: Sequence[Atoms], perfect: Atoms) -> list[Atoms]:
    """Those of the cell of `perfect` in which no atom is farther than half a bond from its site."""
    bond = shortest_distance(perfect, search=8.0)
    near = []
    for label in labels:
        if same_cell(label, perfect):
            away = label.positions - perfect.positions
            shift = label.cell.scaled_positions(away)
            away = (shift - np.rint(shift)) @ label.cell.array
            if np.linalg.norm(away - away.mean(axis=0), axis=1).max() < bond / 2:
                near.append(label)
    return near


def residual_kappa(
    committee: Committee,
    fresh: Sequence[Atoms],
    expansion: Prior,
    setting: Setting,
    generator: np.random.Generator,
) -> ResidualKappa:
    """κ of a committee's mean forces, and with what it leaves of the labels; on the coarse mesh.

    Raises:
        InputError: the committee mean has no κ.
    """
    lacking = Residual(expansion, fresh, _mean(committee, fresh))
    cells = force_constants.displaced_cells(setting.calculation, setting.phonons)
    return potential_error.solve(
        setting.calculation, _mean(committee, cells), lacking, setting.phonons,
        setting.conductivity, setting.coarse, generator,
    )  # fmt: skip


def _mean(committee: Committee, some: Sequence[Atoms]) -> list[np.ndarray]:
    return list(committee.evaluate(list(some)).forces) if some else []


def mesh_and_range(
    forces: Sequence[np.ndarray], kappa: Sequence[float], setting: Setting
) -> list[ErrorPart]:
    """The parts of the q-mesh and of the size, by κ of one set of force constants.

    Args:
        forces: (1 + n_cells, N, 3) eV/Å on `force_constants.displaced_cells`, of a committee its
            mean. kappa: (n_T,) W/(m K), the κ that the parts belong to.
    """
    calculation, settings = setting.calculation, setting.conductivity
    force_constants.fill(calculation, list(forces), setting.phonons)

    def solve(mesh: list[int]) -> np.ndarray | None:
        return bte.solve(calculation, settings, mesh, setting.phonons.imaginary).scalar()

    solutions = [solve(mesh) for mesh in setting.meshes]
    text = f"change of κ when third-order constants beyond {100 * RANGE:.0f} % of the largest "
    text += "distance in the supercell are left out; it stands for what lies outside the cell"
    kappas = [solution for solution in solutions if solution is not None]
    if len(kappas) < len(solutions):
        why = "the force constants have no κ on one of the meshes"
        return [
            error_budget.unknown("mesh", "mesh", "q-mesh", why),
            error_budget.unknown("size", "size", text, why),
        ]
    cut_off(calculation, RANGE)
    shorter = solve(setting.coarse)
    change = None if shorter is None else np.abs(shorter / kappas[0] - 1) * np.array(kappa)
    scale = np.array(kappa) / kappas[-1]
    return [
        error_budget.mesh(setting.meshes, [on_mesh * scale for on_mesh in kappas]),
        error_budget.unknown("size", "size", text, "no κ with the shorter range")
        if change is None
        else ErrorPart(name="size", source="size", text=text, error_W_per_mK=change.tolist()),
    ]


def cut_off(calculation: Phono3py, share: float) -> None:
    """Leave out third-order constants with a pair beyond that share of the largest distance."""
    constants = calculation.fc3.copy()
    cell = calculation.supercell
    distances = Atoms(cell.symbols, cell.positions, cell=cell.cell, pbc=True).get_all_distances(
        mic=True
    )
    far = distances > share * distances.max()
    rows = np.arange(len(cell))
    if len(constants) != len(cell):
        rows = np.array(calculation.primitive.p2s_map)
    constants[far[rows][:, :, None] | far[rows][:, None, :] | far[None]] = 0
    calculation.fc3 = constants
    calculation.symmetrize_fc3()


def boltzmann(
    kappa: CommitteeKappa,
    committee: Committee,
    fresh: Sequence[Atoms],
    moved: ResidualKappa | str,
    calibration: float | None,
    corrected: bool,
    setting: Setting,
) -> ErrorBudget | None:
    """The budget of κ by the Boltzmann equation; None where there is no κ.

    Args:
        committee: as κ was made with it. moved: of `residual_kappa`, or why it is not known.
        calibration: calibrated error over spread of the forces (`calibration_factor`), which
            widens the spread of κ where no label in this cell says what the residual does to κ.
    """
    if kappa.kappa_W_per_mK is None:
        return None
    if not isinstance(moved, str):
        calibration, because = None, "the residual below says what fresh labels found"
    elif calibration is not None:
        because = "error over spread of the forces on held-back labels"
    else:
        because = "not calibrated by any label"
    values = [member for member in kappa.members_W_per_mK if member is not None]
    cells = force_constants.displaced_cells(setting.calculation, setting.phonons)
    spread = error_budget.members(values, calibration, because, corrected)
    if kappa.labels_alone:
        spread = error_budget.unknown("members", "potential", spread.text, "κ is without members")
    parts = [
        spread,
        residual(moved, kappa.kappa_W_per_mK, len(fresh)),
        *mesh_and_range(_mean(committee, cells), kappa.kappa_W_per_mK, setting),
    ]
    return ErrorBudget(temperatures_K=kappa.temperatures_K, parts=parts)


def residual(moved: ResidualKappa | str, kappa: Sequence[float], labels: int) -> ErrorPart:
    """The part of the force constants that `labels` fresh labels say are missing.

    Args:
        moved: what they do to κ, or why that is not known. kappa: (n_T,) W/(m K).
    """
    if isinstance(moved, str):
        text = "κ with the force constants that labels say are missing"
        return error_budget.unknown("residual", "potential", text, moved)
    return moved.part(kappa, labels)


def green_kubo(
    ran: GreenKuboRecord,
    moved: ResidualKappa | str,
    calibration: float | None,
    temperatures: Sequence[float],
) -> ErrorBudget | None:
    """The budget of κ by Green–Kubo; None where there is no κ. One temperature: that of the runs.

    Args:
        moved: of the members that moved the atoms. calibration: as in `boltzmann`.
        temperatures: of `moved`, K.
    """
    if ran.kappa_W_per_mK is None or ran.temperature_K is None:
        return None
    value = ran.kappa_W_per_mK
    factor = max(1.0, calibration or 1.0) if isinstance(moved, str) else 1.0
    spread = ran.committee.model_W_per_mK
    place = int(np.argmin(np.abs(np.array(temperatures) - ran.temperature_K)))
    parts = [
        _or_unknown(
            "statistics", "statistics",
            f"standard error of {len(ran.trajectories_W_per_mK)} trajectories",
            ran.error_W_per_mK, "one trajectory has no scatter",
        ),
        _or_unknown(
            "members", "potential",
            f"spread of κ over the members beyond statistics; × {factor:.2f}",
            None if spread is None else factor * spread,
            "the members' spread is not known beyond statistics",
        ),
        _or_unknown(
            "residual", "potential",
            "relative error of κ by the Boltzmann equation with the same members, from the "
            "force constants that fresh labels say are missing",
            None if isinstance(moved, str) else float(abs(value) * moved.relative_error[place]),
            moved if isinstance(moved, str) else "",
        ),
        _or_unknown(
            "size", "size",
            "the size correction, which this κ does not have (a bias)",
            None if ran.corrected_W_per_mK is None else abs(ran.corrected_W_per_mK - value),
            ran.size.not_computed or "no size correction was asked for",
        ),
    ]  # fmt: skip
    return ErrorBudget(temperatures_K=[ran.temperature_K], parts=parts)


def _or_unknown(
    name: str, source: error_budget.Source, text: str, value: float | None, why: str
) -> ErrorPart:
    if value is None:
        return error_budget.unknown(name, source, text, why)
    return ErrorPart(name=name, source=source, text=text, error_W_per_mK=[value])


def moves(moved: ResidualKappa | str, kappa: CommitteeKappa) -> float | None:
    """By how much κ(300 K) would move if the fresh labels were learned, W/(m K)."""
    at_room = kappa.at_room_temperature
    if isinstance(moved, str) or at_room is None:
        return None
    return at_room[0] * float(moved.relative_shift[kappa.temperatures_K.index(ROOM)])


def of_material(
    kappa: CommitteeKappa,
    ran: GreenKuboRecord | None,
    committees: tuple[Committee, Committee],
    fresh: Sequence[Atoms],
    calibration: float | None,
    setting: Setting,
    generator: np.random.Generator,
    *,
    material: str,
    audited: str,
) -> KappaErrors:
    """Both budgets of one material.

    Args:
        ran: green_kubo.json, None where it was not asked for.
        committees: as they move atoms, and as the Boltzmann equation uses them (with the Taylor
            correction where there is one; else the same object).
        calibration: as in `boltzmann`. audited: words of the audit.
    """
    raw, static = committees
    corrected = raw is not static
    moved: dict[str, ResidualKappa | str] = dict.fromkeys(("static", "raw"), NO_LABELS)
    if fresh and kappa.kappa_W_per_mK is not None:
        moves_plain = ran is not None and corrected and ran.correction == "none"
        wanted = {"static": static} | ({"raw": raw} if moves_plain else {})
        try:
            widths = widened(setting.taylor, setting.perfect, fresh)
            expansion = Prior.affordable(setting.perfect, widths, setting.phonons.pair_cutoff)
            for name, committee in wanted.items():
                moved[name] = residual_kappa(committee, fresh, expansion, setting, generator)
        except UmklappError as error:
            moved = {name: str(error) if outcome is NO_LABELS else outcome
                     for name, outcome in moved.items()}  # fmt: skip
    if not corrected or (ran is not None and ran.correction == "taylor"):
        moved["raw"] = moved["static"]
    return KappaErrors(
        material=material,
        audited=audited,
        moves_W_per_mK=moves(moved["static"], kappa),
        boltzmann=boltzmann(kappa, static, fresh, moved["static"], calibration, corrected, setting),
        green_kubo=None
        if ran is None
        else green_kubo(ran, moved["raw"], calibration, kappa.temperatures_K),
    )
