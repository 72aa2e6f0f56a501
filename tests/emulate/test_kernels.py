"""Every kernel in CUDA C++, emulated on the CPU, against the contract; launched by the program's code."""

import inspect

import numpy as np
import pytest

from nanompi.device.checks.scene import (
    DTYPES,
    SCENES,
    THEMES,
    Scene,
    figure,
    likelihood,
    modulus,
    overlap,
    sums,
    update,
)
from nanompi.device.cpu import Cpu
from nanompi.device.kernels import layout, load
from nanompi.errors import ResourceError
from tests.device.same import same
from tests.emulate.gpu import Gpu, built, kernels

CONTRACT, NUMBA = load(""), load("_cpu")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SCENES)
@pytest.mark.parametrize("counts", ["uint16", "float32"])
@pytest.mark.parametrize("precision", DTYPES)
def test_equals_contract(theme, size, counts, precision):
    s = Scene(precision, counts, **SCENES[size])
    got = theme(kernels(Gpu(s.r)), s)
    same(theme(CONTRACT, s), got, s.tolerance, theme.__name__)
    assert all(a.dtype in (s.c, s.r, np.float64) for a in got)


@pytest.mark.parametrize("precision", DTYPES)
def test_atomic_sums_equal_contract(precision):
    s = Scene(precision, modes=3, n=9, size=(33, 17))
    gpu = Gpu(s.r, atomics=True)
    same(sums(CONTRACT, s), sums(kernels(gpu), s), s.tolerance)
    same(sums(CONTRACT, s), sums(kernels(gpu), s, parts=3), s.tolerance)
    assert "object_sums_atomic_1" in gpu.launched and "object_sums" not in gpu.launched


@pytest.mark.parametrize("size", ["small", "odd", "many", "shifted"])
def test_rows_in_parts_give_the_same_bits(size):
    s = Scene("single", **SCENES[size])
    for one, three in zip(sums(kernels(Gpu(s.r)), s), sums(kernels(Gpu(s.r)), s, parts=3)):
        assert np.array_equal(one, three)


ORDERS = (-1, *range(1, 11))  # in reverse, and ten at random


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", ["small", "odd", "many", "shifted"])
def test_order_of_threads_and_blocks_does_not_matter(theme, size):
    """The same bits with all blocks and threads in other orders: no barrier is missing, and no two threads
    write to one place"""
    s = Scene("single", "float32", **SCENES[size])
    want = theme(kernels(Gpu(s.r)), s)
    for order in ORDERS:
        got = theme(kernels(Gpu(s.r, order=order)), s)
        assert all(np.array_equal(one, two) for one, two in zip(want, got, strict=True)), order


def test_more_frames_than_a_batch_and_a_segment(monkeypatch):
    """600 frames: three batches of a block; then in launches of 250 frames"""
    s = Scene("double", modes=1, n=600, size=(5, 6), shifts=2)
    want = sums(CONTRACT, s)
    same(want, sums(kernels(Gpu(s.r)), s), s.tolerance)
    monkeypatch.setattr(layout, "SEGMENT", 250)
    gpu = Gpu(s.r)
    same(want, sums(kernels(gpu), s), s.tolerance)
    assert gpu.launched.count("object_sums") == 3


def test_more_frames_than_a_launch_over_tiles_takes():
    """as it is: SEGMENT + 1 frames are two launches of each of the sums over the object"""
    s, gpu = Scene("double", modes=1, n=layout.SEGMENT + 1, size=(4, 4)), Gpu(np.float64)
    same(sums(NUMBA, s), sums(kernels(gpu), s), s.tolerance)
    assert gpu.launched.count("object_sums") == gpu.launched.count("object_weights") == 2


def projected(K, s):
    f = s.F.copy()
    return [figure(K.project(f, s.I, s.mask, s.gain, s.r(1), s.r(0), s.r(0))), f]


def probe_sums(K, s, step):
    """Over frames in launches of `step`, on top of what is there"""
    num, den = s.dP.copy(), s.dP[:, 0].imag.copy()
    for f in (slice(i, i + step) for i in range(0, s.n, step)):
        K.probe_sums(s.psi[f], s.O, s.at[f], num, den, 0, 1)
    return num, den


@pytest.mark.parametrize("shifts", [1, 3, 8, 21])
def test_probe_sums_of_blocks_are_those_of_all_frames(shifts, monkeypatch):
    """to the bit: frames that come to the card in blocks give what those give that it holds"""
    monkeypatch.setattr(Gpu, "block", 37)
    s = Scene("single", n=300, modes=1, size=(9, 40), shifts=shifts)
    same(probe_sums(CONTRACT, s, s.n), probe_sums(kernels(Gpu(s.r)), s, s.n), s.tolerance)
    whole, *parts = (probe_sums(kernels(Gpu(s.r)), s, step) for step in (s.n, 37, 3 * 37))
    for part in parts:
        assert all(np.array_equal(a, b) for a, b in zip(whole, part, strict=True))


def test_weights_of_all_shifts_may_be_one_array():
    """as the CPU, the card and the contract have them, on top of what is there"""
    s = Scene("double", n=30, modes=1, size=(9, 40), shifts=3)
    every, one = np.zeros((3, 9, 40)), [np.ones((1, 9, 40)) for _ in range(3)]
    CONTRACT.probe_sums(s.psi, s.O, s.at, s.dP.copy(), every, 0, 1)
    for K, den in zip((CONTRACT, Cpu("double", 1).kernels, kernels(Gpu(s.r))), one):
        K.probe_sums(s.psi, s.O, s.at, s.dP.copy(), den, 0, 1)
        assert np.allclose(den[0], 1 + every.sum(0), rtol=1e-12) and every.min() >= 0 and every.max() > 0


@pytest.mark.slow
def test_more_probes_than_blocks_along_z():
    """30 shifts along each axis and 75 modes"""
    s = Scene("double", modes=75, n=40, size=(4, 4), shifts=900)
    assert s.S * s.M > layout.MOST
    same(probe_sums(CONTRACT, s, s.n), probe_sums(kernels(Gpu(s.r)), s, s.n), s.tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("theme", [overlap, sums, projected])
def test_more_frames_than_blocks_along_z(theme):
    """as it is: the last frame is a second one of its block"""
    s = Scene("double", modes=1, n=layout.MOST + 1, size=(4, 4))
    same(theme(NUMBA, s), theme(kernels(Gpu(s.r)), s), s.tolerance, theme.__name__)


def test_more_elements_than_threads(monkeypatch):
    """Threads go round over an object, in an order that is always the same"""
    s = Scene("single", modes=3, size=(33, 17))
    monkeypatch.setattr(layout, "TILES", 2)
    same(update(CONTRACT, s), update(kernels(Gpu(s.r)), s), s.tolerance)


def test_inner_products_on_a_card_are_summed_in_double():
    a, w = np.full((600, 70), 1e4, np.complex64), np.ones((600, 70), np.float32)
    a[300:] = 1
    K = kernels(Gpu(np.float32))
    assert K.inner(a, w, a, 1j * a).tolist() == [300 * 70 * (1e8 + 1), 0.0]


def test_more_tiles_than_blocks(monkeypatch):
    monkeypatch.setattr(layout, "TILES", 3)
    s = Scene("double", n=4, size=(33, 17))
    same(sums(CONTRACT, s), sums(kernels(Gpu(s.r)), s), s.tolerance)


def test_more_frames_than_a_grid_holds(monkeypatch):
    """Beyond the largest grid a block does several frames: here with a largest grid of 3"""
    monkeypatch.setattr(layout, "MOST", 3)
    s = Scene("double", "float32", n=8)
    for theme in (overlap, modulus, likelihood):
        same(theme(CONTRACT, s), theme(kernels(Gpu(s.r)), s), s.tolerance, theme.__name__)
    assert layout.over_frames(8, 12, 10)[0] == (1, 1, 3)


def test_adjoint_of_the_overlap_model():
    """<P dO + dP O, psi> = <dO, sum P* psi> + <dP, sum O* psi>"""
    s, zero = Scene("double", modes=3, size=(33, 17)), np.zeros_like
    K, z = kernels(Gpu(s.r)), zero(s.psi)
    K.tangent(s.O, s.P, s.dO, s.dP, s.at, z)
    num, pnum, pden = zero(s.O), zero(s.P), np.zeros((s.S, s.h, s.w))
    K.object_sums(s.psi, s.P, s.at, num, 0, 1)
    K.probe_sums(s.psi, s.O, s.at, pnum, pden, 0, 1)
    assert np.vdot(z, s.psi) == pytest.approx(np.vdot(s.dO, num) + np.vdot(s.dP, pnum), rel=1e-12)


def test_adjoint_of_the_transfer():
    """<H z, y> = <z, H* y>"""
    s = Scene("double", size=(33, 17))
    K, forth, back = kernels(Gpu(s.r)), s.z.copy(), s.psi.copy()
    K.transfer(forth, s.H, s.at, False)
    K.transfer(back, s.H, s.at, True)
    assert np.vdot(forth, s.psi) == pytest.approx(np.vdot(s.z, back), rel=1e-12)


def test_waves_that_are_not_needed_are_not_read():
    """b = 0 and c = 0: psi may hold anything, as before the first iteration"""
    s = Scene("single")
    K, z, psi = kernels(Gpu(s.r)), s.z.copy(), np.full_like(s.psi, np.nan)
    K.mix(s.O, s.P, s.at, psi, 1, 0, z)
    assert np.isfinite(z).all()
    K.follow(s.O, s.P, s.at, psi, s.z, 0, 0, 1)
    assert np.array_equal(psi, s.z)


@pytest.mark.parametrize("modes, width, name", [(1, 10, "1_2"), (4, 9, "4_1"), (5, 10, "0_2"), (7, 9, "0_1")])
def test_a_number_of_modes_has_its_own_kernel(modes, width, name):
    """up to four, and two neighbours of a row are read together where rows begin at even places"""
    s = Scene("double", modes=modes, size=(3, width))
    gpu = Gpu(s.r)
    same(modulus(CONTRACT, s), modulus(kernels(gpu), s), s.tolerance)
    assert set(gpu.launched) == {f"project_{name}", f"transfer_{name[-1]}"}


def test_every_kernel_of_the_contract_is_there():
    """Same names, and the same arguments after the device"""
    own = load("_cuda")
    assert vars(own).keys() == vars(CONTRACT).keys()
    for name, f in vars(CONTRACT).items():
        got = list(inspect.signature(getattr(own, name)).parameters)
        assert got == ["gpu", *inspect.signature(f).parameters], name


def test_a_kernel_without_a_text_for_a_card_says_so():
    with pytest.raises(ResourceError, match=r"mix does not run on a card yet; write .*device: cpu"):
        load("_of_nobody").mix(None)


def good_launch():
    """A launch of `transfer` that is right: name, grid, block, arguments"""
    s = Scene("single")
    return ["transfer_2", *layout.over_frames(s.n, s.h, s.w), [s.z, s.H, s.at, 0, s.n, s.M, s.h, s.w]]


WRONG = {
    "double waves": (TypeError, "z has elements", lambda a: a.__setitem__(0, a[0].astype(complex))),
    "64-bit corners": (TypeError, "at has elements", lambda a: a.__setitem__(2, a[2].astype(np.int64))),
    "strided": (TypeError, "H must be C-contiguous", lambda a: a.__setitem__(1, a[1][:, ::2])),
    "real number": (TypeError, "adjoint is int32", lambda a: a.__setitem__(3, np.float32(1))),
    "long number": (TypeError, "n is int32", lambda a: a.__setitem__(4, np.int64(1))),
    "too large": (TypeError, "does not fit", lambda a: a.__setitem__(4, 2**31)),
    "array for number": (TypeError, "n is a number", lambda a: a.__setitem__(4, a[0])),
    "number for array": (TypeError, "z is an array", lambda a: a.__setitem__(0, 3)),
    "read-only": (TypeError, "read-only", lambda a: a[0].setflags(write=False)),
    "one too many": (TypeError, "takes 8 arguments, not 9", lambda a: a.append(1)),
}


@pytest.mark.parametrize("fault", WRONG)
def test_wrong_argument_is_refused(fault):
    error, words, spoil = WRONG[fault]
    name, grid, block, args = good_launch()
    built("modulus", "float", "unsigned short").run(name, grid, block, args)
    spoil(args)
    with pytest.raises(error, match=words):
        built("modulus", "float", "unsigned short").run(name, grid, block, args)


@pytest.mark.parametrize("grid, block", [((1, 65536, 1), (32,)), ((1,), (32, 33)), ((0, 1, 1), (32,))])
def test_impossible_grid_is_refused(grid, block):
    name, _, _, args = good_launch()
    with pytest.raises(ValueError, match=r"grid|block"):
        built("modulus", "float", "unsigned short").run(name, grid, block, args)
