"""Convergence of VASP by iteration counts and last changes."""

import io

import pytest

from umklapp.crystals.formats import dropped, vasp
from umklapp.errors import InputError
from umklapp.reference.vasp import diagnose

REACHED = "------------------------ aborting loop because EDIFF is reached ------------------"


def outcar(*steps, nelm=60, end=True):
    """The lines of an OUTCAR that matter; every step is (iterations, last change in eV)."""
    lines = [
        " vasp.5.4.4.18Apr17-6-g9f103f2a35",
        f"   NELM   = {nelm:6d};   NELMIN=  2; NELMDL= -5     # of ELM steps",
        "   EDIFF  = 0.1E-07   stopping-criterion for ELM",
        "   EDIFFG = -.1E-01   stopping-criterion for IOM",
    ]
    for number, (count, change) in enumerate(steps, start=1):
        for iteration in range(1, count + 1):
            here = change if iteration == count else 1.0
            lines += [
                f"---------- Iteration {number:6d}({iteration:4d})  ------------",
                f" total energy-change (2. order) :{-here: .7E}  ({here / 2: .7E})",
            ]
        lines.append(REACHED)
    lines += [" General timing and accounting informations for this job:"] * end
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("steps", "converged"),
    [
        ([(14, 1e-9)], [True]),
        ([(60, 3.1e-1)], [False]),  # NELM, and the sentence all the same
        ([(60, 5e-9)], [True]),  # just in time
        ([(14, 1e-9), (60, 2e-8), (20, 1e-9)], [True, False, True]),
        ([], []),
    ],
)
def test_a_step_converged_before_the_cap_or_with_a_last_change_below_the_bound(steps, converged):
    assert vasp.outcar_steps(outcar(*steps).splitlines()) == converged


def test_stars_in_place_of_numbers_are_not_converged():
    text = outcar((60, 1e-9)).replace(f"{-1e-9: .7E}", " **************")
    assert vasp.outcar_steps(text.splitlines()) == [False]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (outcar((60, 3e-1)), "scf_not_converged"),
        (outcar((14, 1e-9)).replace(REACHED, ""), "scf_not_converged"),
        (outcar((14, 1e-9), end=False), "crashed"),
        (outcar((14, 1e-9)), None),
    ],
)
def test_the_engine_judges_by_it(tmp_path, text, reason):
    (tmp_path / "OUTCAR").write_text(text)
    found = diagnose(tmp_path)
    assert (found and found[0]) == reason


PARAMETERS = """<parameters><separator name="electronic"><i name="EDIFF">1E-8</i>
<separator name="electronic convergence"><i type="int" name="NELM">60</i></separator></separator>
<separator name="response functions"><i type="int" name="NELM">1</i></separator></parameters>"""
"""As VASP 5.4 and 6 write it; the second NELM is of calculations of GW."""


def vasprun(*counts, last=1e-9):
    steps = []
    for count in counts:
        energies = [-10.0 + 0.5 * (count - 1 - n) for n in range(count - 1)] + [-10.0 + 0.5 - last]
        energies[-2:] = [-10.0, -10.0 + last]
        steps.append(
            "<calculation>"
            + "".join(
                f'<scstep><energy><i name="e_fr_energy">{e:.12f}</i></energy></scstep>'
                for e in energies
            )
            + "</calculation>"
        )
    return f"<modeling>{PARAMETERS}{''.join(steps)}</modeling>".encode()


def test_steps_of_a_vasprun():
    read = vasp.vasprun_steps
    assert read(io.BytesIO(vasprun(14, last=3e-8)), "x") == [True]  # below NELM: VASP was content
    assert read(io.BytesIO(vasprun(60, last=1.9e-8)), "x") == [True]  # eight decimals
    assert read(io.BytesIO(vasprun(14, 60, last=1e-2)), "x") == [True, False]
    assert read(io.BytesIO(vasprun(60)), "x") == [True]
    with pytest.raises(InputError, match=r"x: cannot be read as vasprun\.xml"):
        read(io.BytesIO(vasprun(14)[:-20]), "x")
    with pytest.raises(InputError, match=r"x: cannot be read .* unknown encoding"):
        read(io.BytesIO(b'<?xml version="1.0" encoding="ISO-88590-1"?>' + vasprun(14)), "x")


ELECTRONS = """ POTCAR:   PAW_PBE Na 08Apr2002
   POMASS =   22.990; ZVAL   =    1.000    mass and valenz
   POMASS =   35.453; ZVAL   =    7.000    mass and valenz
   ions per type =              32  32
   NELECT =     {:.4f}    total number of electrons
"""
XML = """<modeling><atominfo><array name="atomtypes"><set>
<rc><c>32</c><c>Na</c><c>22.99</c><c> 1.0</c><c>PAW</c></rc>
<rc><c>32</c><c>Cl</c><c>35.45</c><c> 7.0</c><c>PAW</c></rc></set></array></atominfo>
<parameters><i name="NELECT"> {:.4f}</i><i type="int" name="ISPIN"> {}</i></parameters></modeling>
"""


@pytest.mark.parametrize("charge", [0, 1, -2])
def test_the_charge_of_a_cell_is_its_valence_less_the_electrons(charge):
    assert vasp.outcar_charge(ELECTRONS.format(256 - charge).splitlines()) == charge
    file = io.BytesIO(XML.format(256 - charge, 2).encode())
    setup = vasp.vasprun_setup(file, "vasprun.xml")
    assert (setup.charge, setup.spin, setup.moment) == (charge, True, None)


def test_a_file_that_says_no_electrons_has_no_charge():
    assert vasp.outcar_charge(ELECTRONS.splitlines()[:-1]) == 0.0
    assert vasp.vasprun_setup(io.BytesIO(b"<modeling></modeling>"), "vasprun.xml") == vasp.Setup()


EIGENVALUES = """<modeling><kpoints><varray name="weights"><v>0.25</v><v>0.75</v></varray></kpoints>
<parameters><i type="int" name="ISPIN">2</i></parameters><calculation><eigenvalues><array><set>
<set comment="spin 1"><set><r>-1.0 1.0</r><r>2.0 1.0</r></set><set><r>-1.0 1.0</r></set></set>
<set comment="spin 2"><set><r>-1.0 1.0</r><r>2.0 0.0</r></set><set><r>-1.0 {}</r></set></set>
</set></array></eigenvalues></calculation></modeling>"""


@pytest.mark.parametrize(("occupation", "moment"), [(1.0, 0.25), (0.0, 1.0)])
def test_the_moment_of_a_vasprun_is_in_its_occupations(occupation, moment):
    setup = vasp.vasprun_setup(io.BytesIO(EIGENVALUES.format(occupation).encode()), "x")
    assert setup.moment == pytest.approx(moment)
    with pytest.raises(InputError, match="magnetic moments"):
        dropped.check_entries(setup.entries(), [26], "x")
    assert f"moment of the cell {moment:.2f} µB" in "".join(setup.notes())


PRESSED = """   PSTRESS=  100.0 pullay stress
  in kB     {0}    {0}    {0}     0.00000     0.00000     0.00000
  external pressure =        5.00 kB  Pullay stress =      100.00 kB
"""


@pytest.mark.parametrize(("printed", "bare"), [("105.00", True), ("5.00", False)])
def test_an_external_pressure_is_said_and_its_stress_kept_where_it_is_the_electrons(printed, bare):
    setup = vasp.outcar_setup(PRESSED.format(printed).splitlines())
    assert (setup.pressure, setup.bare_stress) == (100.0, bare)
    assert "PSTRESS 100 kB: energies are without P V" in setup.notes()[0]
    assert ("left out" in setup.notes()[0]) != bare


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('<i name="PSTRESS"> 50.0</i>', "stresses, which may contain it, are left out"),
        ('<i type="logical" name="ML_LMLFF">T  </i>', "machine-learned force field, not of DFT"),
        ('<i type="logical" name="LNONCOLLINEAR">T  </i>', "moments are not read"),
    ],
)
def test_what_a_vasprun_says_of_its_run_is_said(entry, said):
    text = f"<modeling><parameters>{entry}</parameters></modeling>"
    assert said in vasp.vasprun_setup(io.BytesIO(text.encode()), "x").notes()[0]


def test_a_field_is_refused():
    text = b'<modeling><parameters><v name="EFIELD_PEAD"> 0.0 0.0 0.1</v></parameters></modeling>'
    with pytest.raises(InputError, match=r"a field of 0\.1"):
        dropped.check_entries(vasp.vasprun_setup(io.BytesIO(text), "x").entries(), [11], "x")
