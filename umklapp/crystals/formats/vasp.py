"""Did VASP converge? By iteration counts and last changes, not by the sentence it prints.

VASP 5 prints "aborting loop because EDIFF is reached" also where NELM ended the loop.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
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


def vasprun_setup(file: IO[bytes], source: str) -> tuple[float, bool]:
    """As `outcar_charge`, of a vasprun.xml; and whether it was calculated with spin.

    Raises:
        InputError: the file is no xml, or ends too early.
    """
    electrons, valence, spin = None, 0.0, False
    try:
        for _, element in ElementTree.iterparse(file):
            name = element.get("name")
            if element.tag == "i" and name == "NELECT" and element.text:
                electrons = _float(element.text.strip())
            elif element.tag == "i" and name == "ISPIN" and element.text:
                spin = element.text.strip() == "2"
            elif element.tag == "array" and name == "atomtypes":
                for row in element.iter("rc"):
                    words = [cell.text or "" for cell in row.iter("c")]
                    valence += int(words[0]) * _float(words[3].strip())
            elif element.tag == "calculation":
                element.clear()
    except (ElementTree.ParseError, ValueError, LookupError, OSError) as error:
        raise InputError(f"{source}: cannot be read as vasprun.xml: {error}") from None
    return (valence - electrons if electrons is not None and valence else 0.0), spin


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
            if element.tag == "i" and name == "NELM" and element.text:
                cap = int(element.text)
            elif element.tag == "i" and name == "EDIFF" and element.text:
                tolerance = _float(element.text.strip())
            elif element.tag == "calculation":
                energies = [
                    _float_signed(step.find("energy/i[@name='e_fr_energy']"))
                    for step in element.findall("scstep")
                ]
                last = abs(energies[-1] - energies[-2]) if len(energies) > 1 else float("inf")
                converged.append(not cap or len(energies) < cap or last <= tolerance)
                element.clear()
    except (ElementTree.ParseError, ValueError, LookupError, OSError) as error:
        raise InputError(f"{source}: cannot be read as vasprun.xml: {error}") from None
    return converged


def _float_signed(element: ElementTree.Element | None) -> float:
    try:
        return float(element.text or "") if element is not None else float("nan")
    except ValueError:
        return float("nan")
