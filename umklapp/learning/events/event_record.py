"""events.json and persistence/runs.json: what is known of rare events, not yet judged."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from umklapp.learning.events.observations import Observation
from umklapp.learning.events.thermal import Temperature, ThermalEnergy
from umklapp.records import Part, Record


class Dynamics(Part):
    """Events of the first and of the last committee's dynamics at one temperature, K."""

    temperature: float
    before: Observation
    after: Observation


class Errors(Part):
    """One committee along the reference trajectory, inside and outside its events.

    force_*: mean force MAE; largest_*: mean of the largest force error of an atom; uncertainty_*:
    median of u_max; all eV/Å.
    """

    force_inside: float
    force_outside: float
    largest_inside: float
    largest_outside: float
    uncertainty_inside: float
    uncertainty_outside: float


class Along(Part):
    """Both committees along the reference trajectory; frames inside and outside its events."""

    inside: int
    outside: int
    before: Errors
    after: Errors


class LabelInEvent(Part):
    """A reference label of an explored frame that lies within an event.

    time: fs; temperature: K, of the replica; energy: eV of the cell above the perfect crystal;
    thermal_mean, thermal_spread: of such energies at this temperature, eV; sigma: σᴬ by reference
    forces; error_before, error_after: force MAE of the first and last committee, largest_before,
    largest_after: of the worst atom, eV/Å; began_inside: the replica began in the event; learned:
    it has trained the last committee.
    """

    frame_id: str
    round: int
    replica: int
    time: float
    temperature: float
    kind: str
    motion: str
    energy: float
    thermal_mean: float
    thermal_spread: float
    sigma: float
    error_before: float
    error_after: float
    largest_before: float
    largest_after: float
    began_inside: bool
    learned: bool

    def score(self, energy: float | None = None) -> float:
        """Standard deviations above the thermal mean; of another energy (eV) where one is given."""
        above = (self.energy if energy is None else energy) - self.thermal_mean
        return above / self.thermal_spread


class Anharmonicity(Part):
    """σᴬ of all frames of an exploration with its standard error; None where there is none.

    atoms: of the cell, least_atoms: `verdict.sigma_atoms`; None in files from before they were
    recorded.
    """

    value: float | None
    error: float | None
    atoms: int | None = None
    least_atoms: int | None = None

    @property
    def too_small(self) -> str | None:
        """Why σᴬ is not reported, in words; None where it is, or where there is none."""
        if self.value is None or self.atoms is None or self.least_atoms is None:
            return None
        if self.atoms >= self.least_atoms:
            return None
        return (
            f"the dynamics has {self.atoms} atoms, fewer than verdict.sigma_atoms "
            f"({self.least_atoms}): its σᴬ of {self.value:.2f} is of so few modes that it is not "
            "reported"
        )

    @property
    def reported(self) -> float | None:
        """σᴬ; None where there is none or the cell is too small for it."""
        return None if self.too_small else self.value


class EventRecord(Record):
    """Everything the verdict is made of, but for the continued events.

    missing: why nothing is known, in words, else None; harmonic: what σᴬ is measured against, in
    words; reference_temperature: from its virial; reference_left_out: number of trajectories at
    another temperature, not used; thermal: potential energies that belong to the
    exploration temperatures; crystal_energy: of the perfect cell by the last committee, eV;
    quiet_error_before, quiet_error_after: test force MAE of the first and last committee, eV/Å;
    sigma: by `before` and `after`.
    """

    VERSION: ClassVar[int] = 2

    missing: str | None = None
    harmonic: str = ""
    reference: Observation | None = None
    reference_temperature: Temperature | None = None
    reference_left_out: int = 0
    dynamics: tuple[Dynamics, ...] = ()
    along: Along | None = None
    labels: tuple[LabelInEvent, ...] = ()
    thermal: tuple[ThermalEnergy, ...] = ()
    crystal_energy: float | None = None
    quiet_error_before: float | None = None
    quiet_error_after: float | None = None
    sigma: dict[str, Anharmonicity] = Field(default_factory=dict)

    @classmethod
    def upgrade(cls, data: dict[str, Any], version: int) -> dict[str, Any]:
        """Version 1 knew the temperature of the reference, K, without its error."""
        value = data.get("reference_temperature")
        return {
            **data,
            "reference_temperature": None if value is None else {"value": value},
        }


Source = Literal["learned committee", "reference"]


class Trial(Part):
    """One labelled frame from which an event was continued.

    duration: fs; stayed: whether σᴬ and the displaced atoms were still there at the end, averaged
    over its last quarter; elsewhere: σᴬ was quiet there and the displaced atoms were not at their
    sites, as after a hop to another site; returned: fs after which σᴬ was first back in the quiet
    band, None if never; relaxed: whether the relaxed cell still has displaced atoms, None without a
    relaxation;
    end_frame, relaxed_frame: identities of the frames that the engine labels;
    error: largest force error of an atom there, eV/Å, and end_energy: of the cell above the
    crystal by the engine, eV, None without labels; audited: whether that error is within the bound.
    """

    label: str
    motion: str
    temperature: float
    source: Source = "learned committee"
    duration: float
    stayed: bool
    elsewhere: bool = False
    returned: float | None = None
    relaxed: bool | None = None
    end_frame: str | None = None
    relaxed_frame: str | None = None
    error: float | None = None
    end_energy: float | None = None
    audited: bool = False

    @property
    def lasts(self) -> bool:
        """The event stays, and whoever says so may."""
        return self.stayed and self.relaxed is not False and self.audited

    @property
    def returns(self) -> bool:
        """The event does not stay, neither at the temperature nor relaxed: its atoms are back."""
        return not self.stayed and not self.relaxed and not self.elsewhere


class PersistenceRecord(Record):
    """Runs from labels in events; energies eV, times fs.

    crystal_frame: identity of the perfect cell, which the engine labels too, None where nothing is
    asked of it; asked: number of frames sent to the engine.
    """

    trials: tuple[Trial, ...] = ()
    crystal_frame: str | None = None
    asked: int = 0
