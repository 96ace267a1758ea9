"""The model of all materials: what goes in, and a campaign that starts from it."""

import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from models import tiny_nequip

from umklapp import config
from umklapp.campaign import material_checks
from umklapp.crystals import frames
from umklapp.errors import InputError
from umklapp.potentials import shared
from umklapp.potentials.nequip.inference import NequipPotential
from umklapp.provenance import generator


def labels_of(symbols, count, seed=0, settings="s1"):
    """Rattled cells of one element with EMT labels, as a campaign keeps them."""
    draw, found = generator(seed, symbols), []
    for _ in range(count):
        atoms = bulk(symbols, "fcc", a={"Cu": 3.6, "Ag": 4.1}[symbols], cubic=True)
        atoms.positions += draw.normal(scale=0.1, size=(4, 3))
        atoms.calc = EMT()
        energy, forces, stress = (
            atoms.get_potential_energy(),
            atoms.get_forces(),
            atoms.get_stress(),
        )
        info = {"material": f"{symbols}-225", "settings_hash": settings, "engine": "ase"}
        found.append(frames.labelled(atoms, energy, forces, stress, **info))
    return found


@pytest.fixture
def paths(tmp_path):
    copper, silver = labels_of("Cu", 6), labels_of("Ag", 5)
    frames.write_frames(tmp_path / "a.extxyz", copper[:4])
    frames.write_frames(tmp_path / "b.extxyz", copper[2:])  # two again
    frames.write_frames(tmp_path / "c.extxyz", silver)
    return [tmp_path / f"{name}.extxyz" for name in "abc"]


def test_every_frame_once_and_none_of_what_is_left_out(paths):
    assert len(shared.gather(paths)) == 11
    found = shared.gather(paths, ["Cu-225"])
    assert [frame.info["material"] for frame in found] == 5 * ["Ag-225"]
    with pytest.raises(InputError, match="no labels besides"):
        shared.gather(paths, ["Cu-225", "Ag-225"])


def test_the_record_counts_by_material_and_knows_the_frames(paths):
    found = shared.content(shared.gather(paths))
    assert {name: each.frames for name, each in found.items()} == {"Cu-225": 6, "Ag-225": 5}
    assert found["Ag-225"].settings == ["s1"]
    fewer = shared.content(shared.gather(paths)[1:])
    assert fewer["Cu-225"].hash != found["Cu-225"].hash
    assert fewer["Ag-225"] == found["Ag-225"]


def test_labels_of_two_settings_are_not_mixed():
    shared.one_reference(labels_of("Cu", 2) + labels_of("Ag", 2))
    with pytest.raises(InputError, match=r"2 settings.*s1: Cu-225; s2: Ag-225.*leave_out"):
        shared.one_reference(labels_of("Cu", 2) + labels_of("Ag", 2, settings="s2"))


def test_it_is_trained_from_random_weights_as_asked():
    potential = tiny_nequip(warm_start={"epochs": 1}).model_copy(update={"start": "x.ckpt"})
    plain = shared.settings_of(potential, config.Shared())
    assert plain.start is None
    assert plain.training.warm_start is None
    assert plain.training.epochs == potential.training.epochs
    own = shared.settings_of(potential, config.Shared(training={"epochs": 3}))
    assert own.training.epochs == 3


def test_members_differ_and_know_every_species(paths, tmp_path):
    labels = shared.gather(paths)
    settings, committee = tiny_nequip(epochs=1), config.Committee(subsamples=1, seeds=2)
    found = []
    for member in (0, 1):
        out = tmp_path / f"member_{member}.ckpt"
        folder = tmp_path / f"s{member}"
        shared.pretrain(labels, settings, committee, 1, member, out, folder)
        found.append(NequipPotential.load(out, device="cpu"))
    assert list(found[0].types) == ["Ag", "Cu"]
    one, two = (each.evaluate(labels[:1]).energy[0] for each in found)
    assert one != two


# a campaign that starts from it


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """A folder with the members of a shared model of copper and silver."""
    folder = tmp_path_factory.mktemp("start")
    labels, settings = labels_of("Cu", 4) + labels_of("Ag", 4), tiny_nequip(epochs=1)
    committee = config.Committee(subsamples=1, seeds=2)
    for member in (0, 1):
        out = folder / f"member_{member}.ckpt"
        shared.pretrain(labels, settings, committee, 1, member, out, folder / "s")
    return folder


def campaign(material, start, results="results", **potential):
    settings = tiny_nequip().model_copy(update={"start": str(start), **potential})
    return config.validate(
        {
            "name": "t",
            "results": results,
            "materials": {
                "select": [material],
                "sampling_supercell": [[-1, 1, 1], [1, -1, 1], [1, 1, -1]],
                "phonon_supercell": [[-2, 2, 2], [2, -2, 2], [2, 2, -2]],
            },
            "reference": {"engine": "ase", "calculator": "ase.calculators.emt:EMT"},
            "seeds": [{"kind": "rattled", "count": 8}],
            "committee": {"subsamples": 1, "seeds": 2},
            "potential": settings.model_dump(mode="json"),
        }
    )


def check(material, start, **changes):
    from ase import Atoms

    primitive = Atoms(material.split("-")[0])
    material_checks.check_starts(campaign("NaCl-225", start, **changes), material, primitive)


def test_a_start_that_fits_passes(start):
    check("Cu-225", start / "member_{member}.ckpt")


def test_a_start_that_does_not_fit_stops_before_the_first_job(start):
    path = start / "member_{member}.ckpt"
    with pytest.raises(InputError, match=r"potential\.start: .*\['Ag', 'Cu'\].*\['Ni'\]"):
        check("Ni-225", path)
    with pytest.raises(InputError, match=r"potential\.start: .*cutoff"):
        check("Cu-225", path, cutoff=5.0)
    with pytest.raises(InputError, match=r"potential\.start: .*Cu-225.*does not exist"):
        check("Cu-225", start / "{material}_{member}.ckpt")


def test_a_campaign_cannot_start_from_itself(start, monkeypatch):
    monkeypatch.chdir(start.parent)
    with pytest.raises(InputError, match="own results"):
        check("Cu-225", start / "member_{member}.ckpt", results=start.name)


@pytest.mark.parametrize("text", ["{round}.ckpt", "{}.ckpt", "{member"])
def test_other_placeholders_are_named(text):
    with pytest.raises(ValueError, match=r"only \{material\} and \{member\}"):
        config.Potential(start=text)
