"""What a checkpoint costs: seconds that the iterations wait, seconds until it is on the disk, share of a run.

    mpiexec -n 2 python benchmarks/checkpoints.py [--mib 1024] [--times 5] [--folder DIR] [--kind waves|flat]

Each rank holds `--mib` of single-precision waves of a reconstruction (noisy waves under a probe: they hardly
compress); `--kind flat` holds ones. The times are those of the slowest rank; the same bytes are written by
`os.write` for comparison.
"""

import argparse
import json
import os
import shutil
import time
import zlib
from pathlib import Path

import numpy as np

from nanompi.io.arrayfile import BLOCK, checksum
from nanompi.mpi.team import Team
from nanompi.run.checkpoint import State, Writing, newest

INTERVAL = 600.0  # seconds, the default of run.checkpoint


def waves(mib: int, kind: str, seed: int) -> np.ndarray:
    """(n, 128, 128) complex64"""
    out, rng = np.ones((mib * 8, 128, 128), np.complex64), np.random.default_rng(seed)
    y, x = np.mgrid[:128, :128] - 64
    probe = np.exp(-(x**2 + y**2) / (2 * 18.0**2)).astype(np.float32)
    for f in out if kind == "waves" else ():
        f.real = probe * rng.standard_normal((128, 128), np.float32)
        f.imag = probe * rng.standard_normal((128, 128), np.float32)
    return out


def slowest(team, work) -> float:
    """Seconds of a collective piece of work on the slowest rank."""
    team.barrier()
    begun = time.monotonic()
    work()
    return float(team.max(time.monotonic() - begun))


def plain(team, folder: Path, psi) -> tuple[float, float]:
    """(seconds to write the bytes, seconds until they are on the disk) without checksum and format."""
    path = folder / f"plain-{team.rank}"
    file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    flat = psi.reshape(-1).view(np.uint8)
    pieces = [flat[i : i + (8 << 20)] for i in range(0, len(flat), 8 << 20)]
    wrote = slowest(team, lambda: [os.write(file, piece) for piece in pieces])
    flushed = slowest(team, lambda: os.fsync(file))
    os.close(file)
    path.unlink()
    return wrote, flushed


def checkpoint(team, folder: Path, psi, number: int) -> dict[str, float]:
    """Seconds of one checkpoint."""
    index = team.rank * len(psi) + np.arange(len(psi))
    rows = {"waves": (psi.shape, psi.dtype, lambda f: psi[f])}
    arrays = {"O": np.ones((2000, 2000), np.complex64)} if team.root else {}
    facts = {"step": 0, "notes": {}, "files": {}}
    one, errors = Writing(team, folder, number, {"job": "x"}), []
    begun = time.monotonic()
    wait = slowest(team, lambda: errors.append(one.write(State(facts, arrays, rows, index))))
    errors.append(one.finish())
    whole = float(team.max(time.monotonic() - begun))
    assert not any(errors), errors
    return {"wait": wait, "on disk": whole}


def reading(team, folder: Path, psi) -> dict[str, float]:
    """Seconds to verify and to read, and the same on the way back."""
    found, out = [], np.empty_like(psi)
    verify = slowest(team, lambda: found.append(newest(team, folder, {"job": "x"}, print)))
    index = team.rank * len(psi) + np.arange(len(psi))

    def read():
        for where, rows in found[0].rows("waves", index):
            out[where] = rows

    seconds = slowest(team, read)
    assert np.array_equal(out, psi)
    return {"verify": verify, "read": seconds}


def sums(team, psi) -> dict[str, float]:
    """GB/s of a rank's processor for the checksum alone, and for the CRC-32 of all bytes."""
    flat, out = psi.reshape(-1).view(np.uint8), {}
    for name, work in (("checksum", checksum), ("crc32", zlib.crc32)):
        begun = time.process_time()
        for begin in range(0, len(flat), BLOCK):
            work(flat[begin : begin + BLOCK])
        out[name] = -float(team.max(-len(flat) / (time.process_time() - begun) / 1e9))
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--folder", default="checkpoint-benchmark")
    parser.add_argument("--kind", choices=("waves", "flat"), default="waves")
    args = parser.parse_args()
    with Team() as team:
        folder = Path(args.folder).absolute()
        team.on_root(lambda: folder.mkdir(parents=True))
        psi = waves(args.mib, args.kind, team.rank)
        bare, rows = [], []
        for number in range(1, args.times + 1):
            work = [lambda: bare.append(plain(team, folder, psi)),
                    lambda n=number: rows.append(checkpoint(team, folder, psi, n))]  # fmt: skip
            for one in work[:: 1 if number % 2 else -1]:  # in turn: the second finds the memory warm
                one()
        out = {k: float(np.median([r[k] for r in rows])) for k in rows[0]}
        out |= dict(zip(("plain write", "plain fsync"), map(float, np.median(bare, 0))))
        out |= reading(team, folder, psi)
        speeds = sums(team, psi)
        sizes = [p.stat().st_size for p in folder.glob("checkpoint-*/rank-*")]
        out["size"] = team.bcast(sum(sizes) / 2 / team.size)
        if team.root:
            shutil.rmtree(folder)
            print(f"{team.size} ranks, {args.mib} MiB each ({args.kind}), median of {args.times}")
            for name in ("wait", "on disk", "plain write", "plain fsync", "verify", "read"):
                print(f"{name:<12} {out[name]:7.2f} s")
            print("alone:", ", ".join(f"{name} {speed:.1f} GB/s" for name, speed in speeds.items()))
            print(f"{'stored':<12} {out['size'] / 2**20:7.0f} MiB per rank")
            print(f"{'share':<12} {100 * out['wait'] / INTERVAL:7.2f} % of {INTERVAL:.0f} s")
            print("each time:", " ".join(f"{r['wait']:.2f}" for r in rows), "s; plain", end=" ")
            print(" ".join(f"{w:.2f}" for w, _ in bare), "s")
            print(json.dumps(out))


if __name__ == "__main__":
    main()
