"""A small scan as the arrays of a program that calls `nanompi.reconstruct`."""

from types import SimpleNamespace

import numpy as np

# Enough of them that no verdict asks for the geometry, which takes seconds.
FEW = {"engines": "DM*20 ML*20", "heldout": 0, "run": {"threads": 1}}


def scan() -> SimpleNamespace:
    """36 frames of 32 x 32 counts, their places in m, the geometry, the exact probe."""
    from nanompi.job.faults import Faults
    from nanompi.job.job import job_of
    from nanompi.job.tree import of_values
    from nanompi.methods import discover
    from nanompi.run.reading import open_data

    discover()
    simulated = {"simulate": {"frames": 36, "size": 32, "photons": 1e5}}
    job = job_of(
        of_values({"nanompi": 1, "input": simulated, "steps": ["ptycho"]}, [], Faults()), "a", Faults()
    )
    own = open_data("", job.input, job.reader)["data"]
    y, x = own.positions.T
    known = {"energy": own.facts["energy"] / 1.602176634e-16, "distance": own.distance, "pixel": own.pixel[0]}
    return SimpleNamespace(
        frames=own.source.read(np.arange(36)), x=x, y=y, probe=own.truth["probe"], known=known
    )


def stored(one: SimpleNamespace, folder) -> str:
    """The same as a file with its job in a folder; the job's name."""
    np.savez(folder / "a.npz", data=one.frames, x=one.x, y=one.y, probe=one.probe)
    (folder / "a.yaml").write_text(
        f"""nanompi: 1
input:
  file: a.npz
  paths: {{frames: data, x: x, y: y, probe: probe}}
  energy: {one.known["energy"]!r} keV
  distance: {one.known["distance"]!r} m
  pixel: {one.known["pixel"]!r} m
steps:
  - {{use: ptycho, engines: {FEW["engines"]}, heldout: 0}}
run: {{threads: 1}}
"""
    )
    return "a.yaml"
