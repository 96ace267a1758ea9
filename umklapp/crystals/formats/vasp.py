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
    except (ElementTree.ParseError, ValueError, OSError) as error:
        raise InputError(f"{source}: cannot be read as vasprun.xml: {error}") from None
    return converged


def _float_signed(element: ElementTree.Element | None) -> float:
    try:
        return float(element.text or "") if element is not None else float("nan")
    except ValueError:
        return float("nan")
