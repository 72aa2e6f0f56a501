"""Devices: where a rank computes. `open_device` finds the one of this rank; nothing outside this folder
knows which."""

from nanompi.device.cpu import Cpu


def open_device(options, team, say=print) -> Cpu:
    """The device of this rank, and a line in the log which says why.

    options : nanompi.run.Options (device, precision, threads)
    """
    device = Cpu(precision=options.precision, threads=options.threads, share=team.places)
    say(f"device: {device} on each of {team.size} rank{'s' * (team.size > 1)}, {options.precision} precision")
    return device


__all__ = ["Cpu", "open_device"]
