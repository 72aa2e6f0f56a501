"""What all benchmarks share: command line, ranks, ways that take turns, table and file of figures.

    python benchmarks/SCRIPT.py --help      options and their defaults; every script takes --json FILE

The table goes to stdout (Markdown), what happens meanwhile to stderr.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


def options(about: str, *names: str, **defaults) -> argparse.Namespace:
    """The command line: `names` must be given; `defaults` are options.

    A default of False makes a switch, a tuple a choice of which the first is the default, a list any number.
    """
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    for name in names:
        parser.add_argument(name)
    for name, default in {**defaults, "json": ""}.items():
        kind = {"type": type(default), "default": default}
        if default is False:
            kind = {"action": "store_true"}
        elif isinstance(default, tuple):
            kind = {"choices": default, "default": default[0]}
        elif isinstance(default, list):
            kind = {"nargs": "*", "default": default}
        usual = str(kind.get("default", "no")).replace("%", "%%")  # argparse fills what stands behind one
        parser.add_argument(f"--{name}", help=f"default: {usual}", **kind)
    return parser.parse_args()


def on_ranks(number: int, work: Callable, given: argparse.Namespace, *words: str, python=sys.executable):
    """work(team, given) on so many ranks of the running script: what rank 0 returned, after JSON.

    words : more options for the ranks. python : starts them, by the mpiexec beside it. Under a launcher
    (mpirun, srun) its ranks do the work, and the script ends here: `given.json` or stdout has the figures.
    """
    from nanompi.mpi.mpiexec import environment, mpiexec, under_launcher
    from nanompi.mpi.team import Team

    if under_launcher():
        with Team() as team:
            figures = json.dumps(work(team, given))
            team.on_root(lambda: Path(given.json or "/dev/stdout").write_text(figures))
        sys.exit()
    beside = Path(python).parent / "mpiexec"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        command = [beside if beside.exists() else mpiexec(), "-n", str(number), python, *sys.argv, *words]
        env = {**ONE_THREAD, **environment()}
        subprocess.run([*command, "--json", out], env=env, stdout=sys.stderr, check=True)
        return json.loads(out.read_text())


def timed(work: Callable, team=None, clock=time.perf_counter, calls: int = 1) -> Callable[[], float]:
    """A way for `turns`: seconds of a call; with a team those of its slowest rank (collective)."""

    def way():
        if team:
            team.barrier()
        begun = clock()
        for _ in range(calls):
            work()
        seconds = (clock() - begun) / calls
        return float(team.max(seconds)) if team else seconds

    return way


def both_clocks(work: Callable) -> tuple[float, float]:
    """Seconds of the wall, and of this process on the CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def turns(ways: dict[str, Callable], repeat: int) -> dict[str, list]:
    """What each way returned in each of its turns: one after the other, every second time backwards.

    A first turn of all does not count: it compiles, and brings files into the cache.
    """
    figures = {name: [] for name in ways}
    for turn in range(repeat + 1):
        for name in list(ways)[:: -1 if turn % 2 else 1]:
            figures[name].append(ways[name]())
    return {name: values[1:] for name, values in figures.items()}


# Runs a command and leaves [seconds, seconds, bytes, exit code] in a file. Small: Linux counts the memory of
# who starts a process as its own.
STARTER = """
import json, os, sys, time
begun = time.perf_counter()
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
wall, cpu = time.perf_counter() - begun, usage.ru_utime + usage.ru_stime
with open(sys.argv[1], "w") as out:
    json.dump([wall, cpu, usage.ru_maxrss * 1024, os.waitstatus_to_exitcode(status)], out)
"""


def cost(command: list, folder: Path | str = ".", **environ: str) -> dict[str, float]:
    """{wall, cpu: seconds, peak: bytes of the largest process} of a command and of all that it starts.

    Errors: SystemExit with its last words where it fails.
    """
    command, env = list(map(str, command)), {**os.environ, **ONE_THREAD, **environ}
    with tempfile.TemporaryFile() as words, tempfile.NamedTemporaryFile() as out:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": words, "stderr": words}
        start = [sys.executable, "-I", "-S", "-c", STARTER, out.name, *command]
        subprocess.run(start, cwd=folder, env=env, **pipes)
        wall, cpu, peak, code = json.loads(out.read() or "[0, 0, 0, 127]")
        if code:
            words.seek(0)
            last = words.read().decode(errors="replace")[-2000:]
            raise SystemExit(f"{' '.join(command)} ended with {code}\n{last}")
    return {"wall": wall, "cpu": cpu, "peak": peak}


def report(given: argparse.Namespace, rows: Iterable[dict], **facts) -> list[dict]:
    """Print facts and table, each row to stderr as soon as it is there; with --json FILE write both."""
    done = []
    for row in rows:
        done.append(row)
        print("  ".join(f"{name} {text(value)}" for name, value in row.items()), file=sys.stderr, flush=True)
    if facts:
        print(", ".join(f"{name}: {text(value)}" for name, value in facts.items()), end="\n\n")
    print(table(done))
    if given.json:
        Path(given.json).write_text(json.dumps({**facts, "rows": done}, indent=1) + "\n")
    return done


def table(rows: list[dict]) -> str:
    """Aligned Markdown; the columns are those of all rows. A cell wider than 40 stands out."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, *([text(row.get(name, "")) for name in names] for row in rows)]
    widths = [min(40, max(3, *map(len, column))) for column in zip(*lines)]
    right = [all(isinstance(row.get(name, 0), int | float) for row in rows) for name in names]
    rule = ["-" * (w - 1) + ":" if r else "-" * w for w, r in zip(widths, right)]
    sides = [[c.rjust(w) if r else c.ljust(w) for c, w, r in zip(line, widths, right)] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in [sides[0], rule, *sides[1:]])


def text(value) -> str:
    """A number with four digits, a list with blanks; anything else as it stands."""
    if isinstance(value, list | tuple):
        return " ".join(map(text, value))
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
