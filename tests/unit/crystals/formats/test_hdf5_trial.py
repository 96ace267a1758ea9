import pytest
from vibes_files import dynamics, write_nc

from umklapp.crystals.formats import hdf5_trial
from umklapp.errors import InputError


def test_a_whole_file_and_a_cut_one_come_back(tmp_path):
    path = write_nc(tmp_path / "trajectory.nc", dynamics(3))
    hdf5_trial.survive(path, "trajectory.nc")
    path.write_bytes(path.read_bytes()[:1000])
    hdf5_trial.survive(path, "x.nc")  # an error that the library reports is said by the reader
    hdf5_trial.survive(tmp_path / "none.nc", "none.nc")


def test_a_file_from_which_the_library_does_not_come_back_is_refused(tmp_path):
    path = write_nc(tmp_path / "trajectory.nc", dynamics(3))
    with pytest.raises(InputError, match=r"trajectory\.nc: the HDF5 library is still reading"):
        hdf5_trial.survive(path, "trajectory.nc", seconds=0)
