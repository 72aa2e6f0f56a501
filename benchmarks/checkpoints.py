"""What a checkpoint costs: seconds that the iterations wait, seconds until it is on the disk, and to read it.

    python benchmarks/checkpoints.py [--ranks 2] [--mib 1024] [--repeat 5] [--kind waves|flat] [--folder DIR]

Each rank holds `--mib` of single-precision waves of a reconstruction (noisy waves under a probe: they hardly
compress); `--kind flat` holds ones. Seconds are those of the slowest rank; the same bytes are written by
`os.write` in turn. GB/s of the checksum and of the CRC-32 of all bytes: of a processor alone.
"""

import os
import shutil
import time
import zlib
from functools import partial
from pathlib import Path

import numpy as np
from harness import on_ranks, options, report, timed, turns

from nanompi.io.arrayfile import BLOCK, checksum
from nanompi.run.checkpoint import State, Writing, newest

PIECE = 8 << 20  # bytes of a plain write


def waves(mib: int, kind: str, seed: int) -> np.ndarray:
    """(n, 128, 128) complex64"""
    out, rng = np.ones((mib * 8, 128, 128), np.complex64), np.random.default_rng(seed)
    y, x = np.mgrid[:128, :128] - 64
    probe = np.exp(-(x**2 + y**2) / (2 * 18.0**2)).astype(np.float32)
    for f in out if kind == "waves" else ():
        f.real = probe * rng.standard_normal((128, 128), np.float32)
        f.imag = probe * rng.standard_normal((128, 128), np.float32)
    return out


def plain(team, folder: Path, psi) -> list[float]:
    """Seconds to write the bytes and until they are on the disk, without checksum and format."""
    path, flat = folder / f"plain-{team.rank}", psi.reshape(-1).view(np.uint8)
    file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    pieces = [flat[i : i + PIECE] for i in range(0, len(flat), PIECE)]
    wrote = timed(lambda: [os.write(file, piece) for piece in pieces], team)()
    flushed = timed(partial(os.fsync, file), team)()
    os.close(file)
    path.unlink()
    return [wrote, wrote + flushed]


def checkpoint(team, folder: Path, psi, numbers) -> list[float]:
    """Seconds that the iterations wait for one checkpoint, and until it is on the disk."""
    index, errors = team.rank * len(psi) + np.arange(len(psi)), []
    rows = {"waves": (psi.shape, psi.dtype, lambda cuts: (psi[f] for f in cuts))}
    arrays = {"O": np.ones((2000, 2000), np.complex64)} if team.root else {}
    one, begun = Writing(team, folder, next(numbers), {"job": "x"}), time.monotonic()
    state = State({"step": 0, "notes": {}, "files": {}}, arrays, rows, index)
    wait = timed(lambda: errors.append(one.write(state)), team)()
    errors.append(one.finish())
    assert not any(errors), errors
    return [wait, float(team.max(time.monotonic() - begun))]


def read(team, folder: Path, psi) -> dict[str, float]:
    """Seconds to verify the newest checkpoint and to read it."""
    states, out = [], np.empty_like(psi)
    index = team.rank * len(psi) + np.arange(len(psi))

    def copy():
        for where, rows in states[0].rows("waves", index):
            out[where] = rows

    verify = timed(lambda: states.append(newest(team, folder, {"job": "x"}, print)), team)()
    seconds = timed(copy, team)()
    assert np.array_equal(out, psi)
    return {"verify": verify, "read": seconds}


def rate(team, psi, checksum) -> float:
    """GB/s of a checksum on the slowest rank, by the time of its processor."""
    flat = psi.reshape(-1).view(np.uint8)
    pieces = [flat[i : i + BLOCK] for i in range(0, len(flat), BLOCK)]
    return flat.nbytes / 1e9 / timed(lambda: [*map(checksum, pieces)], team, time.process_time)()


def measure(team, given) -> list[dict]:
    """A row of the table for each figure."""
    folder = Path(given.folder).absolute()
    team.on_root(lambda: folder.mkdir(parents=True))
    psi, numbers = waves(given.mib, given.kind, team.rank), iter(range(1, given.repeat + 2))
    ways = {
        "plain": partial(plain, team, folder, psi),
        "own": partial(checkpoint, team, folder, psi, numbers),
    }
    took = {name: np.array(t) for name, t in turns(ways, given.repeat).items()}
    columns = {"wait": took["own"][:, 0], "on disk": took["own"][:, 1]}
    columns |= {"plain write": took["plain"][:, 0], "plain on disk": took["plain"][:, 1]}
    figures = {f"{k}, s": [float(f(t)) for f in (np.median, np.min, np.max)] for k, t in columns.items()}
    figures |= {f"{name}, s": [seconds] for name, seconds in read(team, folder, psi).items()}
    figures |= {f"{s.__name__}, GB/s": [rate(team, psi, s)] for s in (checksum, zlib.crc32)}
    sizes = [p.stat().st_size / 2**20 for p in folder.glob("checkpoint-*/rank-*")]
    figures["stored by a rank, MiB"] = [float(np.mean(sizes))]
    team.on_root(lambda: shutil.rmtree(folder))
    return [{"figure": k, **dict(zip(("median", "least", "most"), v))} for k, v in figures.items()]


def main():
    folder, kinds = "checkpoint-benchmark", ("waves", "flat")
    given = options(__doc__, ranks=2, mib=1024, repeat=5, kind=kinds, folder=folder)
    rows = on_ranks(given.ranks, measure, given)
    report(given, rows, ranks=given.ranks, MiB=given.mib, kind=given.kind, turns=given.repeat)


if __name__ == "__main__":
    main()
