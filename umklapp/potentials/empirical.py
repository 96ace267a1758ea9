"""Empirical potentials that a configuration can name: matscipy's published parameter sets."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Literal

from ase import Atoms
from ase.calculators.calculator import Calculator

from umklapp.errors import InputError

FORMS = {
    "stillinger_weber": "StillingerWeber",
    "tersoff_brenner": "TersoffBrenner",
    "kumagai": "Kumagai",
}


def manybody(
    form: Literal["stillinger_weber", "tersoff_brenner", "kumagai"], parameters: str
) -> Calculator:
    """A bond-order or three-body potential of matscipy by the name of its parameter set.

    Args:
        form: functional form.
        parameters: name in `matscipy.calculators.manybody.explicit_forms`, for example
            `Stillinger_Weber_PRB_31_5262_Si` or `Erhart_PRB_71_035211_SiC`.

    Raises:
        InputError: unknown form or set; the known ones are named.
    """
    if form not in FORMS:
        raise InputError(f"form {form!r}: matscipy's forms are {', '.join(FORMS)}")
    from matscipy.calculators.manybody import Manybody

    module = import_module(f"matscipy.calculators.manybody.explicit_forms.{form}")
    parameter_sets = sorted(name for name, value in vars(module).items() if _is_set(name, value))
    if parameters not in parameter_sets:
        raise InputError(f"parameters {parameters!r}: {form} has {', '.join(parameter_sets)}")
    chosen = getattr(module, parameters)
    known_species = {chosen["el"]} if isinstance(chosen["el"], str) else set(chosen["el"])

    class Published(Manybody):
        """Refuses species that it has no parameters for; matscipy would take the first."""

        def calculate(self, atoms: Atoms, *arguments: Any, **keywords: Any) -> None:
            missing = sorted(set(atoms.symbols) - known_species)
            if missing:
                raise InputError(f"{parameters} has no {', '.join(missing)}")
            super().calculate(atoms, *arguments, **keywords)

    return Published(**getattr(module, FORMS[form])(chosen))


def _is_set(name: str, value: object) -> bool:
    return isinstance(value, dict) and not name.startswith("_")
