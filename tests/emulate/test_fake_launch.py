"""The stand-in for CuPy checks transforms and launches."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests.emulate.fake.use import fake_cupy


@pytest.fixture
def cp():
    with fake_cupy(MEMORY=1 << 20) as cupy:
        yield cupy


def test_a_plan_transforms_unscaled_and_checks_what_it_gets(cp):
    from cupyx.scipy.fft import get_fft_plan

    x = (np.arange(96) % 7 + 1j * (np.arange(96) % 5)).astype(np.complex64).reshape(2, 6, 8)
    z = cp.asarray(x)
    plan = get_fft_plan(z, axes=(-2, -1))
    plan.fft(z, z, cp.cuda.cufft.CUFFT_FORWARD)
    assert np.allclose(z.get(), np.fft.fft2(x), atol=1e-4) and z.dtype == np.complex64
    plan.fft(z, z, cp.cuda.cufft.CUFFT_INVERSE)
    assert np.allclose(z.get(), 48 * x, atol=1e-3)
    for bad in (z[:1], z.astype(np.complex128), cp.zeros((2, 8, 6), np.complex64).transpose(0, 2, 1)):
        with pytest.raises(ValueError, match=r"plan is for|contiguous"):
            plan.fft(bad, bad, -1)


CODE = """
// __global__ void scale(nothing) {
typedef complex<REAL> C;
extern "C" __global__ void scale(C* __restrict__ z, const REAL *by, const int n, unsigned short k) { }
"""


@pytest.fixture
def scale(cp):
    """Launch the kernel above, done by a stand-in of build.py: z *= by; what was built stands in `built`."""

    def module(code, defines):
        def run(name, grid, block, args):
            built.append((name, grid, block, defines))
            args[0][...] *= args[1]

        return SimpleNamespace(run=run)

    from cupy import raw

    built, raw._build = [], lambda: SimpleNamespace(module=module)
    kernel = cp.RawModule(code=CODE, options=("-DREAL=float", "--std=c++17")).get_function("scale")
    kernel.built = built
    return kernel


def test_a_kernel_runs_with_its_grid_and_defines(cp, scale):
    z, by = cp.ones(4, cp.complex64), cp.full(4, 3, cp.float32)
    scale((2,), (32, 2), (z, by, np.int32(4), np.uint16(1)))
    assert (z.get() == 3).all() and cp.counts["launches"] == 1
    assert scale.built == [("scale", (2, 1, 1), (32, 2, 1), {"REAL": "float"})]


@pytest.mark.parametrize(
    "change",
    [
        {2: 4},
        {2: 4.0},
        {2: np.int64(4)},
        {3: np.int32(1)},
        {1: np.float32(3)},
        {1: np.ones(4, np.float32)},
        {0: "complex128"},
        {0: "strided"},
        {4: np.int32(1)},
        {"grid": (0,)},
        {"grid": (1, 70_000)},
        {"block": (32, 33)},
        {"block": [32]},
        {"shared_mem": 50_000},
    ],
)
def test_a_launch_that_a_card_would_misread_is_refused(cp, scale, change):
    z = cp.ones(8, cp.complex64)
    words = {"complex128": cp.ones(4, cp.complex128), "strided": z[::2]}
    args = dict(enumerate((z[:4], cp.ones(4, cp.float32), np.int32(4), np.uint16(1))))
    args |= {k: words.get(v, v) if isinstance(v, str) else v for k, v in change.items() if isinstance(k, int)}
    with pytest.raises((TypeError, cp.cuda.runtime.CUDARuntimeError)):
        scale(
            change.get("grid", (1,)),
            change.get("block", (32,)),
            tuple(args.values()),
            shared_mem=change.get("shared_mem", 0),
        )


def test_a_kernel_reads_its_const_arrays_and_writes_the_others(cp, scale):
    main, side = cp.cuda.Stream(non_blocking=True).use(), cp.cuda.Stream(non_blocking=True)
    z, by, host = cp.ones(4, cp.complex64), cp.ones(4, cp.float32), cp.cuda.alloc_pinned_memory(64)
    side.wait_event(main.record())
    scale((1,), (32,), (z, by, np.int32(4), np.uint16(1)))
    by.data.copy_to_host_async(host.ptr, 16, side)
    with pytest.raises(cp.Race, match=r"kernel scale on stream .* writes"):
        z.data.copy_to_host_async(host.ptr + 16, 32, side)


def test_a_module_names_its_standard_of_the_language(cp):
    with pytest.raises(cp.cuda.compiler.CompileException, match=r"without --std CuPy 13 .* C\+\+11"):
        cp.RawModule(code=CODE, options=("-DREAL=float",)).get_function("scale")
