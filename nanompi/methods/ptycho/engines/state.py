"""State of the engines between two iterations, for checkpoints: taken from a problem, and given back to it.

An engine may have
    keeps                  names of arrays of the problem over this rank's frames ("waves"); none by default
    state(p) -> dict       what else it remembers, on rank 0: arrays, numbers, texts, None (collective)
    restore(p, state)      the opposite of `state`, in place of `start`; arrays come from the host
and has both of the last two or neither.
Arrays like the object are taken whole (`p.share.on_root`); each rank takes its part back (`p.share.part`).
"""

from functools import partial
from typing import Any

import numpy as np

from nanompi.errors import DataError, NumbersError, common
from nanompi.methods.ptycho import vary
from nanompi.run.checkpoint import SavedState, State

PLACES = "positions"  # where checkpoint files keep those of the frames
PRESOLVE = "at_half_resolution"  # a fact of those of a presolve
LEFT_OUT = "flux_left_out"  # what checkpoint files call that of the frames left out
OWN = "memory"  # what checkpoint files call the engine's own state: head and names of arrays


def chain_state(p, engine, e: int, done: int, history: list[dict]) -> State:
    """The state of the chain after `done` iterations of its engine number `e`.

    Errors: NumbersError when object or probe are not finite: nobody wants to go on from there.
    """
    d, finite = p.device, all(np.isfinite(float(abs(a).sum())) for a in (p.O, p.P))
    if not p.team.all(finite):
        where = f"iteration {p.iteration}"
        raise common(NumbersError(f"{where}: object or probe hold NaN or inf; look for bad frames"))
    arrays = {"O": p.whole(), "P": p.P}
    facts = {"iteration": p.iteration, "engine": e, "engine_done": done, "history": history, OWN: {}}
    facts |= {name: p.state.get(name) for name in ("held", "presolve", "beam")}
    facts |= {"background": p.background}
    for name, value in engine_state(engine, p).items():
        if _is_array(value):
            arrays[f"{OWN}.{name}"] = value
        else:
            facts[OWN][name] = value
    if p.refinement:
        arrays |= {f"{PLACES}.{name}": a for name, a in p.refinement.state().items()}
    if p.held and p.fluctuates:
        arrays[LEFT_OUT] = _of_left_out(p)
    if not p.team.root:
        arrays = {}
    rows = {name: _rows(d, getattr(p, name)) for name in getattr(engine, "keeps", ())}
    if p.fluctuates:
        rows["gain"] = _on_host(d.host(p.gain))  # a flux times what it is relative to may be rounded
    if p.varied:
        arrays["variation"], facts["variation"] = p.varied.E, [p.varied.size, p.varied.turns]
        rows["variation"] = _on_host(d.host(p.varied.c)[: len(p.index)])
    return State(facts, {name: d.host(a) for name, a in arrays.items()}, rows, p.index)


def _of_left_out(p) -> np.ndarray:
    """(N,) flux of the frames left out, from which it goes on; 0 for the others (collective)"""
    out, own = np.zeros(len(p.places.at)), p.device.host(p.held.flux)
    for index, flux in p.team.allgather((p.held.index, own)):
        out[index] = flux
    return out


def _rows(device, array):
    return array.shape, array.dtype, partial(device.pieces, array)


def _on_host(rows):
    return rows.shape, rows.dtype, lambda cuts: (rows[cut] for cut in cuts)


def _together(parts, out: np.ndarray) -> np.ndarray:
    """Rows of this rank's frames, into an array, from what checkpoints give in parts"""
    for where, rows in parts:
        out[where] = rows
    return out


def engine_state(engine, p) -> dict[str, Any]:
    """What the engine remembers beside its `keeps`."""
    return engine.state(p) if hasattr(engine, "restore") else {}


def everywhere(engine, p) -> dict[str, Any]:
    """The same with its arrays on the host of every rank (collective)."""
    own = engine_state(engine, p)
    arrays = p.team.bcast([name for name, value in own.items() if _is_array(value)])
    return own | {
        name: p.team.bcast_array(p.device.host(own[name]) if p.team.root else None) for name in arrays
    }


def _is_array(value) -> bool:
    return hasattr(value, "shape") and np.ndim(value) > 0


def restore_chain(p, engines: list, saved: SavedState) -> tuple[int, int, list[dict]]:
    """Object, probe, state of the engine, from a checkpoint: (engine number, iterations done, history)"""
    d, facts = p.device, saved.facts
    e = facts["engine"]
    _fits(p, saved, len(engines))
    if p.refinement:
        places = {k.removeprefix(f"{PLACES}."): k for k in saved.head.arrays if k.startswith(f"{PLACES}.")}
        p.refinement.restore(p, {name: saved.array(k) for name, k in places.items()})
    p.O, p.P = d.array(p.share.part(saved.array("O")), d.complex), d.array(saved.array("P"), d.complex)
    p.iteration, p.background, p.state["held"] = facts["iteration"], facts["background"], facts["held"]
    p.state["presolve"] = facts.get("presolve")
    p.state["beam"] = facts.get("beam")
    if p.fluctuates:
        _restore_flux(p, saved)
    if "variation" in facts:
        E = d.array(saved.array("variation"), d.complex)
        c = np.zeros((len(p.every), 3, E.shape[1]), E.dtype)
        vary.resume(p, E, _together(saved.rows("variation", p.index), c), *facts["variation"])
    if getattr(engines[e], "keeps", ()):
        p.make_waves()
    for name in getattr(engines[e], "keeps", ()):
        for where, rows in saved.rows(name, p.index):
            d.put(getattr(p, name), where, rows)
    if hasattr(engines[e], "restore"):
        arrays = {k: saved.array(k) for k in saved.head.arrays if k.startswith(f"{OWN}.")}
        own = {k.removeprefix(f"{OWN}."): a for k, a in arrays.items()}
        engines[e].restore(p, facts[OWN] | own)
    elif not getattr(engines[e], "keeps", ()):
        engines[e].start(p)
    return e, facts["engine_done"], facts["history"]


def _restore_flux(p, saved: SavedState):
    """The gain of each frame to the bit; checkpoints of an older program hold the flux alone"""
    name = "gain" if any("gain" in file.arrays for file in saved.files) else "flux"
    rows = _together(saved.rows(name, p.index), np.ones(len(p.index)))
    if name == "gain":
        p.gain = p.device.array(rows, p.device.real)
    else:
        p.set_flux(rows)
    if p.held and LEFT_OUT in saved.head.arrays:
        p.held.flux = p.device.array(saved.array(LEFT_OUT)[p.held.index], np.float64)


def of_presolve(saved: SavedState | None) -> bool:
    """Is this the state of a presolve?"""
    return bool(saved and saved.facts.get(PRESOLVE))


def _fits(p, saved, engines):
    shapes = {name: tuple(saved.head.arrays[name]["shape"]) for name in "OP"}
    if shapes != {"O": p.places.shape, "P": p.P.shape} or saved.facts["engine"] >= engines:
        raise DataError(
            f"{saved.path}: its object {shapes['O']} and probe {shapes['P']} are not those of this job, "
            f"{p.places.shape} and {p.P.shape}: the input has changed; start it anew with `nanompi run`"
        )
