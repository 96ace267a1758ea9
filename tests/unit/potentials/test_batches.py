import pytest
import torch
from logged import logged

from umklapp.errors import CalculationError
from umklapp.potentials import batches
from umklapp.potentials.batches import Batches

FULL = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory"),
    MemoryError(),
]


class Work:
    """Numbers of the frames of a batch; more than `limit` atoms are an error."""

    def __init__(self, sizes, limit, error):
        self.sizes, self.limit, self.error, self.calls = sizes, limit, error, []

    def __call__(self, begin, end):
        self.calls.append((begin, end))
        if sum(self.sizes[begin:end]) > self.limit:
            raise self.error
        return list(range(begin, end))


def frames_of(parts):
    return [number for part in parts for number in part]


@pytest.mark.parametrize("error", FULL, ids=lambda each: type(each).__name__)
def test_half_a_batch_where_memory_ran_out(error):
    sizes = [8] * 10
    work, limited = Work(sizes, 20, error), Batches(64)
    with logged() as messages:
        assert frames_of(limited.map(work, sizes)) == list(range(10))
    assert work.calls[:3] == [(0, 8), (0, 4), (0, 2)]
    assert limited.atoms == 16
    assert any("batches of 16 atoms" in line for line in messages)
    again = Work(sizes, 20, error)
    limited.map(again, sizes)
    assert again.calls[0] == (0, 2)  # what was learned is kept


def test_frames_are_batched_by_atoms_and_a_large_one_is_alone():
    sizes = [4, 4, 100, 3, 3, 3]
    work = Work(sizes, 1000, FULL[0])
    assert frames_of(Batches(9).map(work, sizes)) == list(range(6))
    assert work.calls == [(0, 2), (2, 3), (3, 6)]
    assert Batches(9).map(work, []) == []


def test_a_single_frame_that_does_not_fit_is_an_error_that_says_what_to_do():
    with pytest.raises(CalculationError, match=r"100 atoms .*resources.memory"):
        Batches(8).map(Work([4, 100], 50, FULL[0]), [4, 100])


def test_any_other_error_is_passed_on():
    with pytest.raises(RuntimeError, match="shape mismatch"):
        Batches(8).map(Work([9], 0, RuntimeError("shape mismatch")), [9])


def test_batches_shrink_with_neighbours_channels_and_memory(monkeypatch):
    assert batches.atoms_that_fit("cpu", 50, 1000) == batches.CPU_ATOMS
    free = [80 * 10**9]
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free[0], free[0]))
    atoms = batches.atoms_that_fit("cuda:1", 50, 1000)
    assert atoms * 50 * 1000 * 4 == pytest.approx(batches.SHARE * free[0], rel=1e-3)
    assert batches.atoms_that_fit("cuda:1", 100, 1000) == pytest.approx(atoms / 2, abs=1)
    assert batches.atoms_that_fit("cuda:1", 50, 2000) == pytest.approx(atoms / 2, abs=1)
    free[0] //= 4
    assert batches.atoms_that_fit("cuda:1", 50, 1000) == pytest.approx(atoms / 4, abs=1)
