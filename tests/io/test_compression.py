"""Packing by Blosc2's library, called directly or by its package: the same bytes back."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from nanompi.io import compression

WAYS = {"directly": lambda: compression._work(), "by the package": lambda: compression._by_package()}


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    work = WAYS[request.param]()
    monkeypatch.setattr(compression, "_work", lambda: work)
    return request.param


def numbers(dtype):
    return np.random.default_rng(0).poisson(2, (9, 65, 33)).astype(dtype)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "f4", "f8", "c8", "c16"])
def test_numbers_come_back(way, dtype):
    rows = numbers(dtype)
    packed = compression.pack(rows)
    assert packed.dtype == np.uint8 and packed.nbytes < rows.nbytes
    assert np.array_equal(compression.unpack(packed, np.empty_like(rows)), rows)


def test_noise_and_nothing_come_back(way):
    for rows in (np.random.default_rng(0).integers(0, 256, 4097).astype(np.uint8), np.zeros((3, 1))):
        assert np.array_equal(compression.unpack(compression.pack(rows).tobytes(), np.empty_like(rows)), rows)
    assert compression.unpack(b"", np.empty((0, 4))).size == 0


def test_what_one_way_packed_the_other_unpacks():
    rows = numbers("u2")
    for packs, unpacks in (
        (compression._work()[0], compression._by_package()[1]),
        (compression._by_package()[0], compression._work()[1]),
    ):
        out, back = np.empty(rows.nbytes + compression.MORE, np.uint8), np.empty_like(rows)
        assert unpacks(out[: packs(2, rows, out)], back) == rows.nbytes and np.array_equal(back, rows)


@pytest.mark.parametrize("rubbish", [b"", b"\xff" * 100, bytes(100)])
def test_rubbish_is_refused(rubbish):
    with pytest.raises(ValueError, match="cannot unpack"):
        compression.unpack(rubbish, np.empty(50, np.uint16))


def test_the_library_is_found_and_threads_share_it():
    assert compression._work()[0].__qualname__.startswith("_direct")
    rows = [numbers("u2") + k for k in range(40)]

    def there_and_back(a):
        return compression.unpack(compression.pack(a), np.empty_like(a))

    with ThreadPoolExecutor(4) as pool:
        assert all(np.array_equal(a, b) for a, b in zip(rows, pool.map(there_and_back, rows)))


def test_the_package_is_not_imported():
    code = "import numpy, sys\nfrom nanompi.io import compression\ncompression.pack(numpy.zeros(9))\n"
    code += "print('blosc2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
