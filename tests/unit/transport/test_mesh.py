import numpy as np
import pytest
from models import silicon_phonons

from umklapp import config
from umklapp.errors import InputError
from umklapp.transport import bte, mesh
from umklapp.transport.bte import Kappa
from umklapp.transport.kappa_records import MeshRow

SOME = [[n, n, n] for n in (3, 5, 7, 9)]


def known(values):
    """A solver that looks κ(300 K) up; κ(600 K) is another."""
    asked = []

    def solve(points):
        asked.append(points)
        kappa = values[points[0]]
        if kappa is None:
            return Kappa([600.0, 300.0], None, "soft", -1.0)
        return Kappa([600.0, 300.0], np.outer([kappa / 2 + 1, kappa], [1, 1, 1, 0, 0, 0]), None, 0)

    return solve, asked


def test_the_first_mesh_that_the_next_hardly_changes():
    solve, asked = known({3: 5.0, 5: 8.0, 7: 8.3, 9: 100.0})
    found = mesh.converge(solve, SOME, tolerance=0.05)
    assert found.enough == [5, 5, 5]
    assert asked == SOME[:3]  # what is not needed is not computed
    assert [row.kappa_W_per_mK for row in found.table] == [5.0, 8.0, 8.3]
    assert found.table[0].change is None
    assert [row.change for row in found.table[1:]] == pytest.approx([0.6, 0.0375])
    assert found.words == "[5, 5, 5] is enough: [7, 7, 7] changes κ by +3.75 %"


def test_none_is_enough():
    found = mesh.converge(known({3: 8.0, 5: 7.0, 7: 6.0, 9: 5.0})[0], SOME, tolerance=0.05)
    assert found.enough is None
    assert len(found.table) == 4
    assert found.words == (
        "none is enough: [9, 9, 9] still changes κ by -16.67 %, tolerance 5 %; go on with denser "
        "meshes"
    )


def test_the_change_is_in_proportion_to_the_denser_mesh():
    assert mesh.converge(known({3: 1.0, 5: 1.05})[0], SOME[:2], tolerance=0.049).enough == [3, 3, 3]
    assert mesh.converge(known({3: 1.05, 5: 1.0})[0], SOME[:2], tolerance=0.049).enough is None


def test_another_temperature():
    solve, _ = known({3: 1.0, 5: 1.2})
    assert mesh.converge(solve, SOME[:2], 0.1).enough is None
    assert mesh.converge(solve, SOME[:2], 0.1, temperature=600.0).enough == [3, 3, 3]
    with pytest.raises(InputError, match=r"κ\(200 K\) was not computed, only κ at 600, 300 K"):
        mesh.converge(solve, SOME[:2], 0.1, temperature=200.0)


def test_an_unstable_crystal_stops_with_the_reason():
    found = mesh.converge(known({3: 5.0, 5: None})[0], SOME, tolerance=0.05)
    assert found.enough is None
    assert found.table[-1] == MeshRow(mesh=[5, 5, 5], kappa_W_per_mK=None, change=None)
    assert found.words == "no κ on mesh [5, 5, 5]: soft"


@pytest.mark.parametrize("bad", [[[3, 3, 3]], [[5, 5, 5], [3, 3, 3]], [[3, 3, 3], [3, 3, 3]]])
def test_meshes_have_to_grow(bad):
    with pytest.raises(InputError, match="at least two are needed, coarse to fine"):
        mesh.converge(known({})[0], bad, tolerance=0.05)


def test_meshes_of_lengths():
    phonon = silicon_phonons()
    found = mesh.meshes(phonon, [10.0, 10.5, 20.0, 40.0])
    assert len(found) == 3
    assert all(len(set(each)) == 1 for each in found)  # cubic
    reciprocal = np.linalg.norm(np.linalg.inv(phonon.primitive.cell), axis=0)[0]
    for length, each in zip((10.0, 20.0, 40.0), found, strict=True):
        assert each[0] == pytest.approx(length * reciprocal, abs=0.51)


def test_silicon():
    settings = config.Conductivity()
    phonon = silicon_phonons()
    found = mesh.converge(lambda each: bte.solve(phonon, settings, each, -0.05), SOME[1:], 0.05)
    assert [row.mesh for row in found.table] == SOME[1:]
    assert found.table[1].change > 0.2  # long waves carry heat that a coarse mesh has not
    assert 0 < found.table[2].change < 0.05
    assert found.enough == [7, 7, 7]
