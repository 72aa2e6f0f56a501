"""Is the card of this machine right? The questions of `nanompi doctor --gpu`, seconds each.

Each group of questions is asked in a process of its own: one that crashes or hangs spoils no other, and where
a kernel has failed, the card answers nothing more to that process.
"""

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

from nanompi.mpi.children import python
from nanompi.mpi.launcher import without_launcher

GROUPS = {"card": 90, "memory": 90, "kernels": 120, "rates": 60, "transports": 130}  # most seconds of each
ASK = "from nanompi.device.checks import main; main({!r})"


@dataclass
class Finding:
    """What came of a question.

    ok : right, wrong, or None for a figure that decides nothing
    """

    name: str
    expected: str
    got: str
    ok: bool | None
    seconds: float = 0.0


@dataclass
class Question:
    """A question to a card. ask : (CuPy) -> (what came, is it right; None = a figure)"""

    name: str
    expected: str
    ask: Callable[[Any], tuple[str, bool | None]]

    def finding(self, cupy) -> Finding:
        """The answer; an error is a wrong one."""
        begun = time.perf_counter()
        try:
            got, ok = self.ask(cupy)
        except Exception as e:  # whatever a card can do: the next question stands alone
            got, ok = f"{type(e).__name__}: {(str(e).strip().splitlines() or [''])[0]}", False
        return Finding(self.name, self.expected, got, ok, time.perf_counter() - begun)


def findings(group: str) -> Iterator[Finding]:
    """Ask a group of questions in a child process; the answers as they come."""
    name, begun = f"{group}: all questions", time.perf_counter()
    with tempfile.TemporaryFile("w+") as errors:
        own = {"stdout": subprocess.PIPE, "stderr": errors, "stdin": subprocess.DEVNULL, "text": True}
        command = ["timeout", "-s", "KILL", str(GROUPS[group]), *python("-c", ASK.format(group))]
        with subprocess.Popen(command, env=without_launcher(), **own) as child:
            for line in child.stdout:
                yield Finding(**json.loads(line))
        if child.returncode:
            errors.seek(0)
            why = _end(child.returncode, GROUPS[group], errors.read())
            yield Finding(name, "come to an end", why, False, time.perf_counter() - begun)


def _end(code: int, seconds: float, errors: str) -> str:
    """How a child ended that did not come to its end."""
    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return f"no end within {seconds:.0f} s"
    last = (errors.strip().splitlines() or ["no word"])[-1]
    number = -code if code < 0 else code - 128
    known = number in signal.Signals._value2member_map_
    return f"ended with {signal.Signals(number).name if known else f'code {code}'}: {last}"


def main(group: str):
    """In the child: a line of JSON for each answer."""
    from nanompi.device.card import Unusable, pick

    try:
        cupy, _, _ = pick(0)
    except Unusable as e:
        sys.exit(str(e))
    for question in import_module(f"{__name__}.{group}").QUESTIONS:
        print(json.dumps(asdict(question.finding(cupy))), flush=True)


def fresh(cupy, precision: str = "single", memory: int = 0):
    """A device on the first card; memory : bytes that it may use, 0 = what is free."""
    import gc

    from nanompi.device.cuda import Cuda

    gc.collect()  # a device and its streams know each other
    pool = cupy.get_default_memory_pool()
    pool.set_limit(size=0)
    pool.free_all_blocks()
    device = Cuda(cupy, precision=precision)
    device.limit(1, int(memory / 0.92) if memory else device.free())
    return device


def seconds(device, work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of a call on the card, and of the host's part of it: some calls between two events."""
    work()
    device.wait()
    begun = time.perf_counter()
    work()
    device.wait()
    calls = int(min(50, max(1, 0.1 / (time.perf_counter() - begun))))
    begin, end = (device.xp.cuda.Event() for _ in range(2))
    begin.record(device.compute)
    begun = time.perf_counter()
    for _ in range(calls):
        work()
    host = time.perf_counter() - begun
    end.record(device.compute)
    end.synchronize()
    return device.xp.cuda.get_elapsed_time(begin, end) / 1e3 / calls, host / calls


def copy_rate(device) -> float:
    """Bytes per second of a copy on the card, read and written."""
    nbytes = min(1 << 30, device.free() // 8)
    a, b = (device.xp.zeros(nbytes, "uint8") for _ in range(2))
    return 2 * nbytes / seconds(device, lambda: b.__setitem__(..., a))[0]
