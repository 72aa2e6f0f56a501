"""Registers, spills and shared memory of every CUDA kernel, as NVRTC compiles them. Needs no GPU.

    python benchmarks/registers.py

Of a thread: registers, and after a comma bytes that it spills where there are any; a block has 256 threads.
Shared memory is that of a block, in bytes. Counts are uint16.
"""

import re

from harness import options, report

from nanompi.device.kernels import THEMES, has_text, source

ARCHITECTURES = ("sm_70", "sm_80", "sm_90")
REALS = {"single": "float", "double": "double"}
KERNEL = re.compile(r"entry function '(\w+)'.*?(\d+) bytes spill stores.*?Used (\d+) registers([^\n]*)", re.S)


def compiled(theme: str, real: str, arch: str) -> list[tuple[str, str, int]]:
    """(kernel, registers and spills, bytes of shared memory) of a theme, from the compiler's log."""
    from cupy.cuda import nvrtc

    program = nvrtc.createProgram(source(theme), f"{theme}.cu", [], [])
    words = [f"-arch={arch}", "--std=c++17", f"-DREAL={real}", "-DCOUNT=unsigned short", "--ptxas-options=-v"]
    nvrtc.compileProgram(program, words)
    for name, spills, registers, rest in KERNEL.findall(nvrtc.getProgramLog(program)):
        shared = re.search(r"(\d+) bytes smem", rest)
        yield name, registers + (f", {spills}" if int(spills) else ""), int(shared[1]) if shared else 0


def rows() -> list[dict]:
    """A row for each kernel."""
    table = {}
    for theme in filter(lambda theme: has_text(theme, "_cuda"), THEMES):
        for precision, real in REALS.items():
            for arch in ARCHITECTURES:
                for name, registers, shared in compiled(theme, real, arch):
                    row = table.setdefault(name, {"kernel": f"{theme}: {name}"})
                    row |= {f"{arch} {precision}": registers, f"shared {precision}": shared}
    return sorted(table.values(), key=lambda row: row["kernel"])


def main():
    from cupy.cuda import nvrtc

    given = options(__doc__)
    report(given, rows(), NVRTC=".".join(map(str, nvrtc.getVersion())), counts="uint16")


if __name__ == "__main__":
    main()
