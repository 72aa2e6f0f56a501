"""The stand-in for CuPy finds races between streams."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests.emulate.fake.use import fake_cupy


@pytest.fixture
def cp():
    with fake_cupy(MEMORY=1 << 20) as cupy:
        yield cupy


@pytest.fixture(params=["lazy", "eager"])
def mode(request):
    return request.param


def scene(cupy):
    """A card array of ones, made on the compute stream; a pinned array; a stream for copies"""
    import cupyx

    compute, side = cupy.cuda.Stream(non_blocking=True).use(), cupy.cuda.Stream(non_blocking=True)
    host = cupyx.empty_pinned(1000, np.float32)
    host[...] = 5
    return SimpleNamespace(a=cupy.ones(1000, cupy.float32), host=host, compute=compute, side=side)


def bring(cupy, s, part=slice(None)):
    a, h = s.a[part], s.host[part]
    cupy.cuda.runtime.memcpyAsync(a.data.ptr, h.ctypes.data, h.nbytes, 1, s.side.ptr)


def fetch(cupy, s):
    cupy.cuda.runtime.memcpyAsync(s.host.ctypes.data, s.a.data.ptr, s.a.nbytes, 2, s.side.ptr)


def test_a_copy_in_ordered_by_events_is_right(mode):
    with fake_cupy(STREAMS=mode) as cupy:
        s = scene(cupy)
        s.side.wait_event(s.compute.record())
        bring(cupy, s)
        s.compute.wait_event(s.side.record())
        assert float((s.a * 2).sum()) == 10_000


def test_a_copy_in_while_compute_uses_the_array_is_a_race(mode):
    with fake_cupy(STREAMS=mode) as cupy:
        s = scene(cupy)
        with pytest.raises(cupy.Race, match=r"copy host to device on stream 2 writes .* stream 1 writes"):
            bring(cupy, s)


def test_compute_that_does_not_wait_for_the_copy_is_a_race(mode):
    with fake_cupy(STREAMS=mode) as cupy:
        s = scene(cupy)
        s.side.wait_event(s.compute.record())
        bring(cupy, s, slice(0, 500))
        assert float(s.a[500:].sum()) == 500  # the other half is free
        with pytest.raises(cupy.Race, match="race: add on stream 1 reads"):
            s.a + 1


def test_a_copy_out_that_does_not_wait_for_compute_is_a_race(mode):
    with fake_cupy(STREAMS=mode) as cupy:
        s = scene(cupy)
        s.side.wait_event(s.compute.record())
        s.a += 1  # after the event
        with pytest.raises(cupy.Race, match=r"copy device to host .* add on stream 1 writes"):
            fetch(cupy, s)


def test_compute_may_read_but_not_write_what_is_being_copied_out(mode):
    with fake_cupy(STREAMS=mode) as cupy:
        s = scene(cupy)
        s.side.wait_event(s.compute.record())
        fetch(cupy, s)
        assert float(s.a.sum()) == 1000
        with pytest.raises(cupy.Race):
            s.a *= 2


def test_the_host_reads_nan_until_it_waits():
    with fake_cupy(STREAMS="lazy") as cupy:
        s = scene(cupy)
        s.side.wait_event(s.compute.record())
        fetch(cupy, s)
        assert np.isnan(s.host).all() and not s.side.done
        s.side.synchronize()
        assert (s.host == 1).all() and s.side.done


def test_a_pinned_source_changed_too_early_is_a_race():
    with fake_cupy(STREAMS="lazy") as cupy:
        s = scene(cupy)
        s.side.wait_event(s.compute.record())
        bring(cupy, s)
        s.host[3] = 6
        with pytest.raises(cupy.Race, match="host changed the source"):
            s.side.synchronize()


def test_a_pinned_block_written_and_read_by_two_streams_is_a_race(mode):
    with fake_cupy(STREAMS=mode) as cupy:
        s, other = scene(cupy), cupy.cuda.Stream(non_blocking=True)
        s.side.wait_event(s.compute.record())
        fetch(cupy, s)
        b = cupy.empty(1000, cupy.float32)
        other.wait_event(s.compute.record())
        with pytest.raises(cupy.Race, match="pinned host buffer"):
            b.set(s.host, other)
        other.wait_event(s.side.record())
        b.set(s.host, other)
        assert (b.get(other) == 1).all()


def test_memory_freed_under_a_copy_and_used_again_is_a_race(mode):
    with fake_cupy(STREAMS=mode) as cupy:
        s = scene(cupy)
        s.side.wait_event(s.compute.record())
        fetch(cupy, s)
        del s.a
        with pytest.raises(cupy.Race, match="freed since"):
            cupy.zeros(10)
        s.compute.wait_event(s.side.record())
        assert float(cupy.zeros(10).sum()) == 0


def test_the_null_stream_is_in_order_with_blocking_streams_only(mode):
    with fake_cupy(STREAMS=mode) as cupy:
        s = scene(cupy)
        cupy.cuda.Stream.null.use()
        s.a, s.side = cupy.ones(1000, cupy.float32), cupy.cuda.Stream()
        bring(cupy, s)
        assert float(s.a.sum()) == 5000
        s.side = cupy.cuda.Stream(non_blocking=True)
        with pytest.raises(cupy.Race):
            s.a += 1
            bring(cupy, s)


def test_only_pinned_memory_is_copied_asynchronously(cp):
    a, host = cp.zeros(512), np.ones(1024)
    start = -(host.ctypes.data // 8) % 2
    host = host[start : start + 512]
    send = lambda: cp.cuda.runtime.memcpyAsync(a.data.ptr, host.ctypes.data, 4096, 1, 0)  # noqa: E731
    with pytest.raises(RuntimeError, match="not in pinned memory"):
        send()
    cp.cuda.runtime.hostRegister(host.ctypes.data, host.nbytes, 0)
    send()
    with pytest.raises(cp.Race):
        cp.cuda.runtime.hostUnregister(host.ctypes.data)
    assert float(a.sum()) == 512
    cp.cuda.runtime.hostUnregister(host.ctypes.data)
    with pytest.raises(cp.cuda.runtime.CUDARuntimeError, match="NotRegistered"):
        cp.cuda.runtime.hostUnregister(host.ctypes.data)


def test_a_pinned_block_goes_in_and_takes_the_next_result(mode):
    with fake_cupy(STREAMS=mode) as cupy:
        s, out = scene(cupy), cupy.cuda.Stream(non_blocking=True)
        b = cupy.full(1000, 7, cupy.float32)
        s.side.wait_event(s.compute.record())
        bring(cupy, s)  # 5
        out.wait_event(s.side.record())
        b.get(out, out=s.host, blocking=False)
        out.synchronize()
        s.compute.wait_event(s.side.record())
        assert (s.host == 7).all() and float(s.a.sum()) == 5000


def test_pinned_memory_freed_under_a_copy_is_a_race(mode):
    with fake_cupy(STREAMS=mode) as cupy:
        s = scene(cupy)
        kept = cupy.asarray(s.host)  # CuPy itself keeps the source of this one
        s.host = None
        assert float(kept.sum()) == 5000
        s = scene(cupy)
        s.a.set(s.host)
        s.host = None
        with pytest.raises(cupy.Race, match="was freed"):
            s.a.sum()


def test_who_asks_an_event_again_and_again_gets_it_done():
    with fake_cupy(STREAMS="lazy") as cupy:
        s = scene(cupy)
        s.side.wait_event(s.compute.record())
        fetch(cupy, s)
        event = s.side.record()
        assert not event.done and not event.done and event.done
        assert (s.host == 1).all()
