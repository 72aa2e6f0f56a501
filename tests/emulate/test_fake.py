"""The stand-in for CuPy finds what it is there to find."""

import gc
import subprocess
import sys

import numpy as np
import pytest

from tests.emulate.fake.use import environment, fake_cupy


@pytest.fixture
def cp():
    with fake_cupy(MEMORY=1 << 20) as cupy:
        yield cupy


# ---- arrays


@pytest.mark.parametrize(
    "mix",
    [
        lambda cp, a, b: a + b,
        lambda cp, a, b: b * a,
        lambda cp, a, b: a * np.array(2.0),
        lambda cp, a, b: a.__iadd__(b),
        lambda cp, a, b: b.__iadd__(a),
        lambda cp, a, b: a.__setitem__(..., b),
        lambda cp, a, b: a[np.array([0, 1])],
        lambda cp, a, b: np.clip(a, b, 3),
        lambda cp, a, b: np.concatenate([a, b]),
        lambda cp, a, b: cp.sum(b),
        lambda cp, a, b: cp.multiply(a, a, out=b),
        lambda cp, a, b: np.asarray(a),
        lambda cp, a, b: cp.add(a, [1.0, 2.0, 3.0]),
        lambda cp, a, b: a.sum(where=a > 1),
    ],
)
def test_an_array_of_the_host_is_refused(cp, mix):
    with pytest.raises(TypeError, match=r"Unsupported type|Implicit conversion|no keyword"):
        mix(cp, cp.ones(3), np.ones(3))


def test_numbers_go_with_arrays_and_dtypes_are_numpys(cp):
    a = cp.asarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    assert (2 * a).dtype == (np.float32(2) * a).dtype == np.clip(a, 0, 1).dtype == np.float32
    assert (a * np.float64(2)).dtype == np.float64 and (a * 1j).dtype == np.complex64
    total = np.sum(a)
    assert isinstance(total, cp.ndarray) and total.shape == () and float(total) == 15
    assert isinstance(a[1, 2], cp.ndarray) and a[1, 2].item() == 5
    assert np.array_equal(np.add.reduce(a, 0).get(), [3, 5, 7])


def test_views_share_memory_and_are_not_counted(cp):
    a = cp.zeros((4, 5), cp.complex64)
    used = cp.get_default_memory_pool().used_bytes()
    a[1:3, 2].real[...] = 7
    a.T[4] = 1j
    a.reshape(20)[0] = 3
    np.broadcast_to(a, (9, 4, 5))
    assert cp.get_default_memory_pool().used_bytes() == used == 512
    assert a.get()[1, 2] == 7 and a.get()[0, 4] == 1j and a.get()[0, 0] == 3


def test_iterations_and_waits_are_counted(cp):
    a = cp.ones(3)
    assert [float(x) for x in a] == [1, 1, 1]
    assert cp.iterations == 1 and cp.counts["syncs"] == 3


def test_new_memory_is_full_of_nan(cp):
    assert np.isnan(cp.empty((3, 2), cp.complex64).get()).all()


# ---- memory


def test_memory_is_counted_freed_and_limited(cp):
    pool = cp.get_default_memory_pool()
    a = cp.empty(100_000, cp.uint8)
    b = a[5:]
    del a
    assert pool.used_bytes() == 100_352
    del b
    assert pool.used_bytes() == 0 and pool.peak_bytes() == pool.total_bytes() == 100_352
    pool.free_all_blocks()
    pool.set_limit(size=1024)
    with pytest.raises(cp.cuda.memory.OutOfMemoryError, match=r"allocating 1,536 bytes .*1,024"):
        cp.zeros(1025, cp.uint8)


def test_results_and_plans_need_memory_too(cp):
    from cupyx.scipy.fft import get_fft_plan

    a = cp.zeros((5, 128, 128), cp.complex64)  # 640 KiB of 1 MiB
    for more in (lambda: a + 1, lambda: get_fft_plan(a, axes=(-2, -1))):
        with pytest.raises(MemoryError):
            more()
    gc.collect()
    assert cp.cuda.runtime.memGetInfo() == (384 << 10, 1 << 20)


# ---- machines without


@pytest.mark.parametrize("cards, visible, count", [(2, None, 2), (2, "1", 1), (2, "1,0", 2), (4, "0,7,1", 1)])
def test_cards_are_those_that_the_environment_shows(monkeypatch, cards, visible, count):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with fake_cupy(CARDS=cards) as cupy:
        assert cupy.cuda.runtime.getDeviceCount() == count
        first = (visible or "0").split(",")[0]
        assert cupy.cuda.Device(0).pci_bus_id == f"0000:0{first}:00.0"


@pytest.mark.parametrize("mig, addresses", [(0, 3), (1, 1)])
def test_instances_of_one_card_share_its_address_alone(mig, addresses):
    with fake_cupy(CARDS=3, MIG=mig) as cupy:
        assert len({cupy.cuda.Device(i).pci_bus_id for i in range(3)}) == addresses
        assert len({cupy.cuda.runtime.getDeviceProperties(i)["uuid"] for i in range(3)}) == 3


def test_without_a_driver_all_but_the_versions_fail():
    with fake_cupy(DRIVER=0) as cupy:
        runtime = cupy.cuda.runtime
        assert runtime.driverGetVersion() == 0 and runtime.runtimeGetVersion() > 12000
        for call in (runtime.getDeviceCount, cupy.cuda.Stream, cupy.cuda.is_available, lambda: cupy.empty(3)):
            with pytest.raises(runtime.CUDARuntimeError, match="cudaErrorInsufficientDriver") as e:
                call()
            assert e.value.status == 35


def test_without_a_card_or_a_toolkit(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with fake_cupy(TOOLKIT=0) as cupy:
        assert not cupy.cuda.is_available()
        with pytest.raises(cupy.cuda.runtime.CUDARuntimeError, match="cudaErrorNoDevice") as e:
            cupy.cuda.runtime.getDeviceCount()
        assert e.value.status == 100
        with pytest.raises(ImportError, match="libcufft"):
            cupy.cuda.cufft  # noqa: B018
        with pytest.raises(ImportError):
            from cupy.cuda import nccl  # noqa: F401
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
        with pytest.raises(RuntimeError, match="libnvrtc"):
            cupy.RawModule(code="").get_function("scale")


def test_a_child_process_gets_the_stand_in_and_reports(tmp_path):
    code = "import cupy, cupyx; cupy.ones(1000).sum().get()"
    subprocess.run([sys.executable, "-c", code], env=environment(REPORT=tmp_path), check=True)
    assert '"peak_0": 8704' in next(tmp_path.glob("*.json")).read_text()
