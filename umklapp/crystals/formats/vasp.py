"""Did VASP converge? By iteration counts and last changes, not by the sentence it prints.

VASP 5 prints "aborting loop because EDIFF is reached" also where NELM ended the loop.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO
from xml.etree import ElementTree

from umklapp.errors import InputError

_ITERATION = re.compile(r"Iteration\s+(\d+)\(\s*(\d+|\*+)\)")
_NUMBER = r"([-+.\dEeDd*]+)"
_CHANGE = re.compile(rf"total energy-change \(2\. order\)\s*:\s*{_NUMBER}\s*\(\s*{_NUMBER}\s*\)")
_CAP = re.compile(r"\bNELM\s*=\s*(\d+)")
_TOLERANCE = re.compile(rf"\bEDIFF\s*=\s*{_NUMBER}")


def _float(text: str) -> float:
    """A number of VASP; stars and garbage are infinite."""
    try:
        return abs(float(text.replace("D", "E")))
    except ValueError:
        return float("inf")


_ELECTRONS = re.compile(rf"\bNELECT\s*=\s*{_NUMBER}")
_VALENCE = re.compile(rf"\bZVAL\s*=\s*{_NUMBER}\s+mass and valenz")
_IONS = re.compile(r"ions per type\s*=\s*([\d ]+)")
_PSTRESS = re.compile(rf"\bPSTRESS\s*=\s*{_NUMBER}")
_LEARNED = re.compile(r"\bML_LMLFF\s*=\s*T")
_FIELD = re.compile(rf"\bEFIELD(?:_PEAD)?\s*=\s*({_NUMBER}(?:\s+{_NUMBER})*)")
_STRESS = re.compile(rf"^\s*in kB\s+{_NUMBER}\s+{_NUMBER}\s+{_NUMBER}\s")
_PULLAY = re.compile(rf"external pressure =\s*{_NUMBER} kB\s+Pullay stress =\s*{_NUMBER}")

PRINTED = 1e-8
"""eV; energies in a vasprun.xml have eight decimals."""

ROUNDING = 0.1
"""kB; pressures are printed with two decimals."""


def _signed(text: str) -> float:
    """A number of VASP with its sign; stars and garbage are infinite."""
    return -_float(text) if text.startswith("-") else _float(text)


def outcar_charge(lines: Iterable[str]) -> float:
    """Charge of the cell (e): the valence electrons of its atoms less those that VASP took.

    0 where the file does not say all three.
    """
    valences: list[float] = []
    counts: list[int] = []
    for line in lines:
        if match := _VALENCE.search(line):
            valences.append(_float(match[1]))
        elif match := _IONS.search(line):
            counts = [int(word) for word in match[1].split()]
        elif (match := _ELECTRONS.search(line)) and valences and len(counts) == len(valences):
            atoms = sum(n * z for n, z in zip(counts, valences, strict=True))
            return atoms - _float(match[1])
    return 0.0


@dataclass
class Setup:
    """What VASP's outputs say of a whole run.

    charge: e; moment: of the cell in µB, None where the file has no occupations of two spins;
    spin: ISPIN 2; noncollinear: LNONCOLLINEAR; field: V/Å; pressure: PSTRESS in kB; bare_stress:
    whether the printed stress is known to be without it; learned: whether a machine-learned force
    field (ML_LMLFF) gave labels.
    """

    charge: float = 0.0
    moment: float | None = None
    spin: bool = False
    noncollinear: bool = False
    field: float = 0.0
    pressure: float = 0.0
    bare_stress: bool = False
    learned: bool = False

    def entries(self) -> dict[str, float]:
        """For `dropped`."""
        moment = {} if self.moment is None else {"magmom": self.moment}
        return {"charge": self.charge, "efield": self.field, **moment}

    def notes(self) -> list[str]:
        """What the user should know."""
        said = []
        if self.spin:
            total = "not in the file" if self.moment is None else f"{self.moment:.2f} µB"
            said.append(
                f"calculated with spin (ISPIN 2), moment of the cell {total}; a vasprun.xml has no "
                "moments of atoms, as in an antiferromagnet"
            )
        if self.noncollinear:
            said.append("calculated without one axis of spin (LNONCOLLINEAR); moments are not read")
        if self.pressure:
            left = "" if self.bare_stress else "; stresses, which may contain it, are left out"
            said.append(f"PSTRESS {self.pressure:g} kB: energies are without P V{left}")
        if self.learned:
            said.append("ML_LMLFF: labels are of VASP's machine-learned force field, not of DFT")
        return said


def outcar_setup(lines: Iterable[str]) -> Setup:
    """Of an OUTCAR. (ASE reads its moments, and TOTEN without P V.)"""
    setup, head, sigma = Setup(), [], None
    for line in lines:
        if match := _PSTRESS.search(line):
            setup.pressure = _signed(match[1])
        elif _LEARNED.search(line):
            setup.learned = True
        elif match := _FIELD.search(line):
            setup.field = max(setup.field, *(abs(_signed(word)) for word in match[1].split()))
        elif match := _STRESS.search(line):
            sigma = sum(_signed(word) for word in match.groups()) / 3
        elif setup.pressure and sigma is not None and (match := _PULLAY.search(line)):
            total = _signed(match[1]) + _signed(match[2])
            setup.bare_stress = abs(sigma - total) < ROUNDING + 1e-3 * abs(total)
            break
        if any(pattern.search(line) for pattern in (_VALENCE, _IONS, _ELECTRONS)):
            head.append(line)
    setup.charge = outcar_charge(head)
    return setup


def vasprun_setup(file: IO[bytes], source: str) -> Setup:
    """Of a vasprun.xml.

    Raises:
        InputError: the file is no xml, or ends too early.
    """
    setup, electrons, valence = Setup(), None, 0.0
    weights: list[float] = []
    try:
        for _, element in ElementTree.iterparse(file):
            name, text = element.get("name"), (element.text or "").strip()
            if element.tag == "i" and name == "NELECT" and text:
                electrons = _float(text)
            elif element.tag == "i" and name == "ISPIN" and text:
                setup.spin = text == "2"
            elif element.tag == "i" and name == "LNONCOLLINEAR" and text:
                setup.noncollinear = text == "T"
            elif element.tag == "i" and name == "PSTRESS" and text:
                setup.pressure = _signed(text)
            elif element.tag == "i" and name == "ML_LMLFF" and text:
                setup.learned = text == "T"
            elif name in ("EFIELD", "EFIELD_PEAD") and text:
                setup.field = max(setup.field, *(abs(_signed(word)) for word in text.split()))
            elif element.tag == "array" and name == "atomtypes":
                for row in element.iter("rc"):
                    words = [cell.text or "" for cell in row.iter("c")]
                    valence += int(words[0]) * _float(words[3].strip())
            elif element.tag == "varray" and name == "weights":
                weights = [_float((v.text or "").strip()) for v in element.iter("v")]
            elif element.tag == "calculation":
                moment = _moment(element, weights)
                setup.moment = setup.moment if moment is None else moment
                element.clear()
    except (ElementTree.ParseError, ValueError, LookupError, OSError) as error:
        raise InputError(f"{source}: cannot be read as vasprun.xml: {error}") from None
    if electrons is not None and valence:
        setup.charge = valence - electrons
    return setup


def _moment(calculation: ElementTree.Element, weights: Sequence[float]) -> float | None:
    """Electrons of the first spin less those of the second; None without two of them."""
    totals = []
    for spin in calculation.findall("eigenvalues/array/set/set"):
        occupations = [
            sum(float((row.text or "0 0").split()[1]) for row in kpoint.iter("r"))
            for kpoint in spin.findall("set")
        ]
        if len(occupations) != len(weights):
            return None
        totals.append(sum(f * w for f, w in zip(occupations, weights, strict=True)))
    return totals[0] - totals[1] if len(totals) == 2 else None


def outcar_steps(lines: Iterable[str]) -> list[bool]:
    """Of every ionic step in an OUTCAR, whether its electrons converged.

    They did where the loop ended before NELM iterations, or where the last changes of the energy
    and of the band energy are below EDIFF. Empty where the file tells no iterations.
    """
    cap, tolerance = 0, 0.0
    steps: dict[int, tuple[int, float]] = {}
    current = 0
    for line in lines:
        if match := _ITERATION.search(line):
            current = int(match[1])
            count = int(match[2]) if match[2].isdigit() else 10**9
            steps[current] = (count, float("inf"))
        elif (match := _CHANGE.search(line)) and current:
            steps[current] = (steps[current][0], max(_float(match[1]), _float(match[2])))
        elif match := _CAP.search(line):
            cap = int(match[1])
        elif match := _TOLERANCE.search(line):
            tolerance = _float(match[1])
    return [bool(cap and count < cap) or change <= tolerance for count, change in steps.values()]


def vasprun_steps(file: IO[bytes], source: str) -> list[bool]:
    """Of every calculation in a vasprun.xml, whether its electrons converged (as `outcar_steps`).

    Raises:
        InputError: the file is no xml, or ends too early.
    """
    cap, tolerance = 0, 0.0
    converged = []
    try:
        for _, element in ElementTree.iterparse(file):
            name = element.get("name")
            if element.tag in ("separator", "incar"):  # the response section has a NELM, too
                own = element.find("i[@name='NELM']")
                if own is not None and own.text and name in (None, "electronic convergence"):
                    cap = int(own.text)
            elif element.tag == "i" and name == "EDIFF" and element.text:
                tolerance = _float(element.text.strip())
            elif element.tag == "calculation":
                energies = [
                    _float_signed(step.find("energy/i[@name='e_fr_energy']"))
                    for step in element.findall("scstep")
                ]
                last = abs(energies[-1] - energies[-2]) if len(energies) > 1 else float("inf")
                converged.append(not cap or len(energies) < cap or last <= tolerance + PRINTED)
                element.clear()
    except (ElementTree.ParseError, ValueError, LookupError, OSError) as error:
        raise InputError(f"{source}: cannot be read as vasprun.xml: {error}") from None
    return converged


def _float_signed(element: ElementTree.Element | None) -> float:
    try:
        return float(element.text or "") if element is not None else float("nan")
    except ValueError:
        return float("nan")
