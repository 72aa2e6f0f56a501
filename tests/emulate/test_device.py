"""What the verbs of a device do is the same on the CPU and on the (emulated) card."""

import os

import numpy as np
import pytest

from nanompi.device import Cpu, Device, open_device
from nanompi.device.streamed import StreamedArray
from nanompi.mpi.team import Team
from nanompi.run.options import Options
from tests.emulate.fake.use import fake_cupy


def outcome(device) -> list[np.ndarray]:
    """What every verb for arrays, transforms and sums gives, on the host."""
    rng = np.random.default_rng(1)
    I = rng.integers(0, 99, (7, 4, 4)).astype(np.uint16)
    rows = rng.normal(size=(7, 1, 4, 4)) + 0j
    counts = device.counts(I)
    waves = device.adopt(rows.copy(), counts, reserve=1000)
    device.put(waves, np.array([5, 2]), rows[:2] * 2)
    for f, here in device.stream(7, 3, {"z": waves, "I": counts}, read=("z", "I"), write=("z",)):
        device.fft(here["z"])
        here["z"] += device.array(np.arange(f.start, f.stop))[:, None, None, None]
    device.wait()
    fresh = device.large((7, 2), device.real, counts)
    at = np.array([6, 0, 3])
    sums = [device.array(np.arange(3.0)), device.array(np.ones(3))]
    given = device.take(waves, slice(1, 6)), device.take(counts, slice(0, 7)), np.array(fresh.shape)
    made = (device.host(a) for a in (device.pick(waves, at), device.ifft(device.array(rows[0]))))
    return [*given, *made, device.total(sums), device.total([])]


@pytest.mark.parametrize("memory", [8 << 20, 9_000])
def test_both_devices_give_the_same(card, memory):
    with card("double", MEMORY=memory) as device:
        assert [name for name in Device.__annotations__ if not hasattr(device, name)] == []
        on_card, on_cpu = outcome(device), outcome(Cpu("double"))
    for one, other in zip(on_card, on_cpu, strict=True):
        assert one.shape == other.shape and np.allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize("held", [20, 9, 0])
def test_what_a_card_holds_comes_in_one_piece_to_who_looks_once(card, held):
    """and the others of 20 rows in blocks of 3"""
    rows, got = np.arange(20 * 16, dtype=np.float32).reshape(20, 16), []
    with card() as device:
        whole = StreamedArray(device, rows.shape, rows.dtype, held, rows.copy())
        for _, here in device.stream(20, 3, {"rows": whole}, read=("rows",), once=True):
            got.append(here["rows"].get())
    assert np.array_equal(np.concatenate(got), rows)
    assert [len(a) for a in got] == {20: [20], 9: [9, 3, 3, 3, 2], 0: [3] * 6 + [2]}[held]


def test_a_rank_on_a_card_reads_and_prepares_with_its_share_of_the_cores():
    lines = []
    with fake_cupy():
        device = open_device(Options(device="cuda"), Team(alone=True), lines.append)
        assert device.threads == len(os.sched_getaffinity(0)) and "CUDA" in lines[0]
