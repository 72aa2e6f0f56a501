"""From projections in a file to rows of all ranks: how long, beside reading alone; and memory of a rank.

    OMP_NUM_THREADS=1 python benchmarks/rows.py [--storages "gzip of 1" ...] [--frames 600] [--ranks 2]

Seconds of the slowest rank, the best of its turns. The file is in the page cache: what is measured is
decompression, copying and messages. read : each rank reads its range of projections and throws them away;
rows : they go to the ranks that own their rows, as `tomo` gets them; beside : bytes of the peak of a rank
above those of its own rows, and `most`, two rounds.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from harness import options, report
from reading import storages
from scans import write_scan

PROGRAM = Path(__file__)
KINDS = ("contiguous", "plain of 1", "gzip of 1", "bitshuffle of 1", "bitshuffle of 16")


def measured(file: str, repeat: int) -> None:
    """On each rank; rank 0 prints the figures."""
    import time

    from nanompi.data.data import Data
    from nanompi.data.rows import ROUND, Turn, directly, load_rows, reading
    from nanompi.data.stored import Hdf5Frames
    from nanompi.io.hdf5 import open_hdf5
    from nanompi.mpi.team import Team
    from nanompi.run.metrics import peak_memory

    def seconds(team, work) -> float:
        team.barrier()
        begun = time.perf_counter()
        work()
        return team.max(time.perf_counter() - begun)

    with Team() as team:
        with open_hdf5(file) as opened:
            source = Hdf5Frames.of(opened, "frames")
        data = Data(axes=("angle", "row", "column"), source=source)
        parts, _ = reading(team, source)
        turn = Turn.of(data, "row", parts)
        turn = turn.direct() if directly(team, source, turn) else turn
        mine = parts[team.rank]

        def read():
            for i in range(0, len(mine), 16):
                source.read(mine[i : i + 16])

        def rows():
            load_rows(team, source, turn, lambda raw, index: raw, out)

        alone = min(seconds(team, read) for _ in range(repeat))
        before = peak_memory()
        out = np.zeros(turn.held(team.rank), turn.dtype)
        sent = min(seconds(team, rows) for _ in range(repeat))
        beside = team.max(peak_memory() - before - out.nbytes)
        if team.root:
            figures = {"read, s": alone, "rows, s": sent, "ratio": sent / alone}
            print(json.dumps(figures | {"beside, MB": beside / 1e6, "most, MB": 2 * ROUND / 1e6}))


def on_ranks(file: Path, given) -> dict[str, float]:
    """The figures of so many ranks."""
    mpiexec = Path(sys.executable).with_name("mpiexec")
    command = [mpiexec, "-n", given.ranks, sys.executable, PROGRAM, "--measure", file, given.repeat]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    given = options(__doc__, storages=list(KINDS), frames=600, size=512, ranks=2, repeat=5, folder="/tmp")

    def rows():
        for name in given.storages:
            with TemporaryDirectory(dir=given.folder) as folder:
                file = Path(folder) / "scan.h5"
                write_scan(file, given.frames, given.size, **storages(given.size)[name])
                yield {"storage": name, **on_ranks(file, given)}

    report(given, rows(), frames=f"{given.frames} of {given.size}²", turns=given.repeat, ranks=given.ranks)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measured(sys.argv[2], int(sys.argv[3]))
    else:
        main()
