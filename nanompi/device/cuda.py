"""A card as a device: CuPy arrays, cuFFT, kernels in CUDA C++, and frames that may exceed its memory."""

import math
from functools import partial
from types import SimpleNamespace

import numpy as np

from nanompi import units
from nanompi.device.device import Device, dtypes
from nanompi.device.fit import Fit, Frame, fit, usual
from nanompi.device.kernels import layout, load, source
from nanompi.device.kernels.launch import Launches
from nanompi.device.mirror import CardMirror
from nanompi.device.pinned import PinnedMemory
from nanompi.device.plans import Plans
from nanompi.device.scratch import Scratch
from nanompi.device.staging import leave
from nanompi.device.streamed import Ferry, StreamedArray, cuts
from nanompi.device.sums import CardSums
from nanompi.timing import Clock


class Cuda(Device):
    """Arrays, transforms and kernels of one rank on a card.

    xp      : the array module (cupy)
    real, complex : dtypes of the precision
    card, cards   : index of the card, and how many are visible
    identity : equal for the ranks of a node that share a card; instances of one card (MIG) have one address,
        and each a UUID of its own
    kernels : the named kernels (nanompi.device.kernels)
    threads : of the host, which read and prepare frames
    clock   : of the rank; the time in which kernels are compiled is a phase of its own

    All work is done on a stream of its own. Errors: ResourceError where memory does not suffice.
    """

    def __init__(self, xp, card: int = 0, cards: int = 1, precision="single", threads: int = 1):
        self.real, self.complex = dtypes(precision)
        self.xp, self.card, self.cards = xp, card, cards
        self.threads, self.clock = threads, Clock()
        properties = xp.cuda.runtime.getDeviceProperties(card)
        self.name, self.memory = properties["name"].decode(), properties["totalGlobalMem"]
        self.cache = properties["l2CacheSize"]
        self.identity = xp.cuda.Device(card).pci_bus_id, bytes(properties["uuid"])[:16]
        self.pool, self.sharers = xp.get_default_memory_pool(), 1
        self.compute = xp.cuda.Stream(non_blocking=True)
        self.mail = xp.cuda.Stream(non_blocking=True)  # copies for messages
        self.compute.use()
        self.ferry, self.scratch, self.plans = Ferry(self), Scratch(xp), Plans(xp, self.pool)
        self._modules, self.launches = {}, Launches(self._kernel)
        self._pinned = PinnedMemory(xp, self.wait)
        self._stuck = 0  # bytes that are free in the pool, and that it cannot give back
        self.open_sums: CardSums | None = None  # to which kernels add what they would return
        self._limit = None  # bytes of waves of a block, when memory asks for less than usual
        self.kernels = SimpleNamespace(**{n: partial(k, self) for n, k in vars(load("_cuda")).items()})

    def __str__(self):
        shared = f", shared by {self.sharers} ranks" if self.sharers > 1 else ""
        return f"CUDA card {self.card} of {self.cards}, {self.name}, {self.memory / 2**30:.0f} GiB{shared}"

    def free(self) -> int:
        """Bytes of the card that nobody uses now."""
        return self.xp.cuda.runtime.memGetInfo()[0]

    def limit(self, sharers: int, free: int):
        """Use no more than this rank's share of what was free on the card before its ranks began."""
        self.sharers = sharers
        self.pool.set_limit(size=int(0.92 * free / sharers))

    # ---- arrays

    def array(self, a, dtype=None):
        """An array of the device."""
        if isinstance(a, self.xp.ndarray):
            return self.xp.ascontiguousarray(a, dtype)
        return self.xp.asarray(np.ascontiguousarray(a, dtype))

    def host(self, a) -> np.ndarray:
        """A NumPy array of the host."""
        return a.get() if isinstance(a, self.xp.ndarray | StreamedArray) else np.asarray(a)

    def take(self, large: StreamedArray, f: slice) -> np.ndarray:
        """Rows of what `large` gave, on the host."""
        return large.take(f)

    def pieces(self, large: StreamedArray, cuts):
        """The same for one slice after the other, while the next one travels: see `staging.leave`."""
        return leave(self, large, cuts)

    def pick(self, a, where):
        """Rows of any array over the frames, on the card; where : (k,) their places."""
        return a.pick(where) if isinstance(a, StreamedArray) else a[self.xp.asarray(where)]

    def put(self, large: StreamedArray, where, rows):
        """Write rows of the host into what `large` gave; where : their (k,) places."""
        large.put(where, rows)

    def wait(self):
        """Wait until all work and all copies have ended."""
        for stream in (self.compute, self.mail, self.ferry.inward, self.ferry.outward):
            stream.synchronize()

    def copy(self, rows, host, stream, inward: bool):
        """Start a copy between the first rows of an array on the card and pinned rows of the host."""
        runtime, ends = self.xp.cuda.runtime, (rows.data.ptr, host.ctypes.data)
        kind = runtime.memcpyHostToDevice if inward else runtime.memcpyDeviceToHost
        runtime.memcpyAsync(*(ends if inward else ends[::-1]), host.nbytes, kind, stream.ptr)

    def mirror(self, n: int, dtype) -> CardMirror:
        """An array (n,) of the card with a twin in pinned memory of the host, for messages."""
        return CardMirror(self, n, dtype)

    def pinned(self, shape, dtype) -> np.ndarray:
        """A new array of the host that copies can reach while the card computes. Errors: ResourceError."""
        return self._pinned.empty(shape, dtype)

    def pin(self, host: np.ndarray) -> np.ndarray:
        """The same for an array that exists already."""
        return self._pinned.register(host)

    # ---- transforms, both unscaled, over the last two axes, in place (what they return is z itself)

    def fft(self, z):
        """sum_r z exp(-2 pi i k r)"""
        return self._transform(z, self.xp.cuda.cufft.CUFFT_FORWARD)

    def ifft(self, z):
        """sum_k z exp(+2 pi i k r), unscaled"""
        return self._transform(z, self.xp.cuda.cufft.CUFFT_INVERSE)

    def along(self, z, axis, inverse):
        """sum_r z exp(-+ 2 pi i k r), unscaled, over axis 0 or 1 of slices side by side (h, w, k)"""
        fft = self.xp.fft
        z[...] = fft.ifft(z, axis=axis, norm="forward") if inverse else fft.fft(z, axis=axis)

    def transforms(self, shape) -> str:
        """Whose transforms those of frames of (h, w) are."""
        return "cuFFT"

    def _transform(self, z, direction):
        flat = z.reshape(-1, *z.shape[-2:])
        if flat.size:
            self.plans.transform(flat, direction)
        return z

    # ---- kernels

    def _kernel(self, theme: str, name: str, counts):
        """A kernel, compiled with its theme when it is needed first; CuPy keeps what it compiled on disk."""
        if (theme, counts) not in self._modules:
            real = "float" if self.real == np.float32 else "double"
            count = "unsigned short" if counts == np.uint16 else "float"
            options = ("--std=c++17", f"-DREAL={real}", f"-DCOUNT={count}")
            self._modules[theme, counts] = self.xp.RawModule(code=source(theme), options=options)
        with self.clock.phase("compile"):
            return self._modules[theme, counts].get_function(name)

    # ---- the frames of this rank, which may exceed the card

    def counts(self, I: np.ndarray) -> StreamedArray:
        """The counts of this rank's frames, for `stream`; (n, h, w) uint16 or float32."""
        I = np.ascontiguousarray(I)
        self.release()
        room = max(0, self.room() // 2)
        held = len(I) if I.nbytes <= room else room // max(1, I[:1].nbytes)
        return StreamedArray(self, I.shape, I.dtype, held, I)

    def large(self, shape, dtype, counts: StreamedArray, reserve: int = 0) -> StreamedArray:
        """An array over this rank's frames, for `stream`; its contents are undefined.

        counts  : make way for it, since they are read once where it is read twice and written
        reserve : bytes of other arrays to come
        Errors: ResourceError where not even blocks of one frame fit.
        """
        found = self._fitted(shape, np.dtype(dtype), counts, reserve)
        if found.held(shape[0], len(counts))[1] != counts.held:
            # before fewer of them are asked for: these would be a piece of the chunk of the old ones, and
            # only arrays that are smaller than its rest could have that memory
            counts.make_way()
            found = self._fitted(shape, np.dtype(dtype), counts, reserve)
        self._limit = self.plans.most = found.limit
        held, held_counts = found.held(shape[0], len(counts))
        out = StreamedArray(self, shape, dtype, held)
        counts.hold(held_counts)
        return out

    def _fitted(self, shape, dtype, counts: StreamedArray, reserve: int) -> Fit:
        """How waves (n, M, h, w) fit on the card, with the work areas that their transforms really take"""
        self._forget()
        room, row = self.room() + counts.held * counts.row - reserve, math.prod(shape[1:]) * dtype.itemsize

        def fitting(area: int) -> Fit:
            return fit(Frame(row, counts.row, area), room, self.cache, str(self))

        fitting(0)  # says so, where there is not even room to ask for an area
        area, frames = 0, 1
        while True:
            area = max(area, self._area(min(frames, shape[0]), shape[1:], dtype))
            found = fitting(area)
            if found.frames == frames:
                return found
            frames = found.frames

    def _area(self, frames: int, shape, dtype) -> int:
        """Bytes of a work area for each of some frames of waves (M, h, w); 0 for what has no transforms"""
        if dtype.kind != "c" or len(shape) < 3 or not frames:
            return 0
        waves = self.scratch((frames, *shape), dtype)
        return -(-self.plans.area(waves.reshape(-1, *shape[-2:])) // frames)

    def adopt(self, rows: np.ndarray, counts: StreamedArray, reserve: int = 0) -> StreamedArray:
        """What `large` would give, holding these rows of the host."""
        out = self.large(rows.shape, rows.dtype, counts, reserve)
        step = self.frames_per_block(out.row)
        for i in range(0, len(rows), step):
            part = rows[i : i + step]
            out.put(np.arange(i, i + len(part)), part)
        return out

    def left_on_host(self, large: StreamedArray) -> str:
        """What of an array is not held by the card, for the log; nothing where the card holds all."""
        away = len(large) - large.held
        if not away:
            return ""
        return (
            f"the waves of {away} of {len(large)} frames ({units.show(away * large.row, 'B')}) stay in the "
            f"host's memory and are brought in blocks of {self.frames_per_block(large.row)}"
        )

    def _forget(self):
        """Give back work arrays: they will come again, perhaps smaller."""
        self.scratch.clear()
        self.ferry.clear()
        self.plans.clear()
        self.release()

    def close(self):
        """Give back all memory that is only kept, and the limit of the pool, which is the program's."""
        self._forget()
        self.pool.set_limit(size=0)

    def release(self):
        """Give back what the pools only keep. Of a chunk that is partly in use CuPy gives back nothing."""
        self._pinned.give_back()
        self.pool.free_all_blocks()
        self._stuck = self.pool.total_bytes() - self.pool.used_bytes()

    def room(self) -> int:
        """Bytes that this rank may still take in one piece."""
        return (self.pool.get_limit() or self.memory) - self.pool.used_bytes() - self._stuck

    def stream(self, n: int, step: int, arrays: dict, read=(), write=(), once=False):
        """(slice, {name: rows of the array, on the card}) for n frames, at most `step` at a time.

        arrays : {name: StreamedArray}; of those in `read` the rows are brought, those in `write` taken back
        once   : what the card holds comes in one piece
        """
        held = [min(a.held, n) for a in arrays.values()]
        if min(held) == n:
            for f in cuts(n, step, held, whole=once):
                yield f, {name: a.on_card[f] for name, a in arrays.items()}
        else:
            yield from self.ferry.blocks(n, step, arrays, read, write, once)

    def frames_per_block(self, frame_bytes: int) -> int:
        """Frames whose waves, old and new, stay in the card's cache; enough of them to pay for a launch."""
        block = usual(self.cache, frame_bytes) if self._limit is None else self._limit
        return max(1, block // frame_bytes)

    def each(self, work, n: int, frame_bytes: int) -> list:
        """`work(slice)` for n frames, all at once."""
        return [work(slice(0, n))] if n else []

    def sums(self, many: int, frames: int, shape: tuple[int, int]) -> CardSums:
        """So many sums of a pass over frames of this shape, at most so many in a launch."""
        grid, _ = layout.over_frames(frames, *shape)
        return CardSums(self, many, layout.blocks(grid))

    def places(self, many: int, blocks: int):
        """(where a launch of so many blocks adds its sums, (blocks, many) float64, what the kernel returns):
        in a pass that adds them up the places of `CardSums`, and that itself; else new zeros, twice."""
        if self.open_sums:
            return self.open_sums.take(many, blocks), self.open_sums
        zeros = self.xp.zeros((blocks, many))
        return zeros, zeros

    def total(self, sums: list) -> np.ndarray:
        """What kernels returned, (), (k,) or (blocks, k) on the card, added up: (k,) float64 on the host; one
        0 for no frames"""
        if not sums:
            return np.zeros(1)
        flat = [s.reshape(-1, s.shape[-1] if s.ndim else 1) for s in sums]
        return self.xp.concatenate(flat).sum(0, dtype=np.float64).get()
