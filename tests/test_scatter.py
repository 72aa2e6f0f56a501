"""What is decided before frames are sent; the sending is in tests/mpi/test_mpi_split.py."""

import numpy as np
import pytest

from nanompi import scatter
from nanompi.scatter import PACKED, PLAIN, Wire


def measured(link, codec, counts):
    """The kind after messages over a link of `link` bytes/s and a codec of `codec` bytes/s; what was said."""
    wire, log = Wire(1, False), []
    for _ in range(2 * scatter.LOOKS):
        data = wire.pack(counts, np.full(len(counts), True))
        wire.packed = [wire.packed[0], wire.packed[0] / codec, wire.packed[2]]
        wire.note(data, data.nbytes / link, log.append)
    return wire.kind, log


@pytest.mark.parametrize(
    ("link", "codec", "kind"), [(1e9, 2e9, PACKED), (4e9, 2e9, PLAIN), (1e8, 2e9, PACKED)]
)
def test_frames_are_packed_only_where_the_link_is_slower_than_the_codec(link, codec, kind):
    found, log = measured(link, codec, np.zeros((4, 64, 64), np.uint16))
    assert found == kind and len(log) == 1
    assert ("unpacked" in log[0]) == (kind == PLAIN) and f"link {link / 1e9:.2g} GB/s" in log[0]


def test_counts_that_do_not_compress_are_not_packed():
    noise = np.random.default_rng(0).integers(0, 65536, (4, 64, 64), dtype=np.uint16)
    assert measured(1e8, 2e9, noise)[0] == PLAIN


def test_inside_a_node_nothing_is_packed_nor_measured():
    wire = Wire(2, True)
    assert [int(wire.pack(np.zeros((1, 8, 8), np.uint16), np.array([True]))[0]) for _ in range(20)] == [
        PLAIN
    ] * 20


def test_both_kinds_of_message_give_the_counts():
    counts, wire = np.arange(600, dtype=np.uint16).reshape(6, 10, 10), Wire(1, False)
    kinds = set()
    for _ in range(4):
        data = wire.pack(counts, np.full(len(counts), True))
        kinds.add(int(data[0]))
        assert np.array_equal(scatter.opened(data, counts.shape, counts.dtype), counts)
    assert kinds == {PLAIN, PACKED}
