"""How fast the kernels are, against a copy on the same card."""

import inspect
from functools import cache, partial

import numpy as np

from nanompi.device.checks import Question, copy_rate, fresh, seconds
from nanompi.device.kernels import load

SIDE = 256
TOUCHED = {  # how often a kernel goes over each of its arrays over frames
    "exit_waves": {"psi": 1},
    "mix": {"psi": 1, "z": 1},
    "follow": {"psi": 2, "z": 1},
    "tangent": {"z": 1},
    "transfer": {"z": 2},
    "project": {"F": 2, "I": 1},
    "gradient": {"F": 1, "I": 1, "z": 1},
    "line": {"F": 1, "D": 1, "I": 1},
    "figures": {"F": 1, "I": 1},
    "object_sums": {"psi": 1},
    "probe_sums": {"psi": 1},
    "object_weights": {},
}
EXPECTED = {  # percent of a copy, by registers and loads under way
    "mix": "60 to 80", "follow": "60 to 80", "project": "60 to 80", "gradient": "60 to 80",
    "object_sums": "40 to 70", "probe_sums": "40 to 70", "fft": "70 to 85",
}  # fmt: skip


def touched(name: str, *args) -> int:
    """Bytes of the arrays over frames that a kernel reads and writes."""
    return sum(times * args[_place(name, k)].nbytes for k, times in TOUCHED.get(name, {}).items())


@cache
def _place(name: str, argument: str) -> int:
    """Where an argument of a kernel stands in its contract"""
    return list(inspect.signature(getattr(load(), name)).parameters).index(argument)


def _calls(device) -> dict[str, tuple]:
    """The arguments of each kernel for a block of frames of one mode, in steps of a sixteenth of a frame"""
    xp, n = device.xp, device.frames_per_block(8 * SIDE**2)
    across = int(np.ceil(np.sqrt(n)))
    at = np.stack([*(SIDE // 16 * np.stack(divmod(np.arange(n), across))), np.zeros(n)], 1).astype(np.int32)
    at, wide = device.array(at), SIDE + SIDE // 16 * across
    one = partial(xp.ones, dtype=device.complex)
    O, P, psi, z = (
        one((wide, wide)),
        one((1, 1, SIDE, SIDE)),
        one((n, 1, SIDE, SIDE)),
        one((n, 1, SIDE, SIDE)),
    )
    I, mask, gain = (
        xp.ones((n, SIDE, SIDE), np.uint16),
        xp.ones((SIDE, SIDE), device.real),
        xp.ones(n, device.real),
    )
    den, half, none = xp.zeros((1, SIDE, SIDE), device.real), device.real(0.5), device.real(0)
    return {
        "mix": (O, P, at, psi, half, half, z),
        "follow": (O, P, at, psi, z, half, half, half),
        "project": (z, I, mask, gain, half, none, half),
        "gradient": (z, I, mask, gain, 0, none, None, psi),
        "object_sums": (psi, P, at, xp.zeros_like(O), 0, 1),
        "probe_sums": (psi, O, at, xp.zeros_like(P), den, 0, 1),
    }


def _rate(name, cupy):
    device = fresh(cupy)
    if name == "fft":
        z = cupy.ones((device.frames_per_block(8 * SIDE**2), SIDE, SIDE), device.complex)
        work, nbytes = partial(device.fft, z), 4 * z.nbytes
    else:
        args = _calls(device)[name]
        work, nbytes = partial(getattr(device.kernels, name), *args), touched(name, *args)
    t, host = seconds(device, work)
    rate = nbytes / t
    return f"{100 * rate / copy_rate(device):.0f} % ({rate / 1e12:.2f} TB/s; host {1e6 * host:.0f} us)", None


QUESTIONS = [
    Question(
        f"rate of {name}, 256²", f"{percent} % of a copy; host below 25 us a launch", partial(_rate, name)
    )
    for name, percent in EXPECTED.items()
]
