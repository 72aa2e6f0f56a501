"""Registers, spills and shared memory of every CUDA kernel, as NVRTC compiles them. Needs no GPU.

python benchmarks/registers.py > benchmarks/results/registers.md
"""

import ctypes
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.emulate.nvrtc import ARCHITECTURES, REALS, compiled, everything, library

HEAD = """# Registers of the CUDA kernels

`python benchmarks/registers.py`, NVRTC {version}, uint16 counts. Compiled, not run: registers of a thread,
and after a comma bytes that it spills where there are any; a block has 256 threads. Shared memory
is that of a block, in bytes.

| kernel | {columns} | shared single | shared double |
|---|{lines}---|---|"""


def rows() -> dict[str, dict]:
    """{kernel: {(real, arch): what the compiler said}}"""
    table = {}
    for theme, real, count, arch in everything():
        if count == "unsigned short":
            for row in compiled(theme, real, count, arch):
                table.setdefault(f"{theme}: {row['kernel']}", {})[real, arch] = row
    return table


def cell(row: dict) -> str:
    return f"{row['registers']}" + (f", {row['spills']}" if row["spills"] else "")


def version() -> str:
    major, minor = ctypes.c_int(), ctypes.c_int()
    library().nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
    return f"{major.value}.{minor.value}"


def main():
    columns = [(real, arch) for real in REALS for arch in ARCHITECTURES]
    names = [f"{arch} {'single' if real == 'float' else 'double'}" for real, arch in columns]
    print(HEAD.format(version=version(), columns=" | ".join(names), lines="---|" * len(names)))
    for name, row in sorted(rows().items()):
        shared = [str(row[real, "sm_90"]["shared"]) for real in REALS]
        print(f"| {name} | " + " | ".join([*(cell(row[c]) for c in columns), *shared]) + " |")


if __name__ == "__main__":
    main()
