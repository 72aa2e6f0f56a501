"""Devices: where a rank computes. `open_device` finds the one of this rank; nothing outside this folder
knows which."""

import re

from nanompi import errors
from nanompi.device.compiled import place, tell
from nanompi.device.cpu import Cpu
from nanompi.device.device import Device
from nanompi.errors import ResourceError


def open_device(options, team, say=print) -> Device:
    """The device of this rank, and a line in the log which says why (collective).

    options : nanompi.run.perform.Options (device, precision, threads, transport)
    All ranks compute on cards or none does. Errors: ResourceError when one lacks a card that was asked for.
    """
    if options.device == "cpu":
        return _cpu(options, team, say, "")
    device, fault = _card(options, team)
    faults = [f"rank {r}: {f}" if team.size > 1 else f for r, f in enumerate(team.allgather(fault)) if f]
    if not faults:
        return _cards(device, options, team, say)
    if options.device == "cuda":
        raise errors.common(ResourceError(f"run.device: cuda, but {faults[0]}; or use device: auto or cpu"))
    return _cpu(options, team, say, f"; {_short(faults[0])} (nanompi doctor says more)")


def threads_of(options, team) -> int:
    """Threads of this rank, whatever its device: as asked, or one for each core that is its share."""
    return team.cores if options.threads == "auto" else options.threads


def _short(fault: str) -> str:
    """What is wrong, without the cure."""
    return re.split(r"; |: (?!rank)(?!.*: )", fault, maxsplit=1)[0]


def _cpu(options, team, say, why):
    device = Cpu(options.precision, threads_of(options, team))
    each = f" on each of {team.size} ranks" if team.size > 1 else ""
    say(f"device: {device}{each}, {options.precision} precision{why}")
    if place()[1]:
        say(f"note: kernels for the CPU are compiled {place()[1]}")
    else:
        tell(say)
    return device


def _card(options, team):
    """(this rank's card or None, why there is none)"""
    from nanompi.device.card import Unusable, check_toolkit, pick

    try:
        cupy, card, cards = pick(team.place)
        with team.clock.phase("compile"):
            check_toolkit(cupy)
    except Unusable as e:
        return None, str(e)
    from nanompi.device.cuda import Cuda

    device = Cuda(cupy, card, cards, options.precision, threads_of(options, team))
    device.clock = team.clock
    return device, ""


def _cards(device, options, team, say):
    """Share the memory of each card among its ranks, and agree on the transport of sums."""
    from nanompi.device.transport import choose

    free = device.free()
    cards = team.allgather((team.host, device.identity))
    device.limit(cards.count((team.host, device.identity)), free)
    everyone = team.allgather(f"{team.host}, {device}")
    transport = choose(options.transport, device, team) if team.size > 1 else ""
    lines = [f"  rank {rank}: {text}" for rank, text in enumerate(everyone)][:64]
    say(
        f"device: CUDA on each of {_ranks(team)}, {options.precision} precision"
        + (transport and f", sums {transport}")
    )
    say("\n".join(lines) if len(lines) > 1 else lines[0].strip())
    return device


def _ranks(team) -> str:
    return f"{team.size} rank{'s' * (team.size > 1)}"


__all__ = ["Cpu", "Device", "open_device"]
