"""Whole engines on the emulated card: the same text as on the CPU, the same answer."""

import numpy as np
import pytest

from nanompi.device.staging import bring
from nanompi.errors import ResourceError
from nanompi.methods import discover
from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.methods.ptycho.heldout import LEAST
from nanompi.methods.ptycho.quality import per_frame
from nanompi.methods.ptycho.refine import RefinePositions
from nanompi.methods.ptycho.refine.rescue import found_again
from nanompi.step import METHODS
from tests.emulate.test_beyond_the_card import scan
from tests.methods.ptycho.scenes import draw, make
from tests.methods.ptycho.scenes import problem as scene_problem
from tests.mpi.engines import CASES
from tests.scene import problem

discover()
ENGINES = list(METHODS["engine"])


def quiet(text):
    """No log."""


def outcome(how, engine, iterations=5, device=None, **options):
    """(history, object, probe) of some iterations, on the host"""
    p, _, _ = problem(**how, device=device)
    history = run_chain([METHODS["engine"][engine](iterations=iterations, **options)], p, 5, quiet)
    return history, p.device.host(p.O), p.device.host(p.P)


def walks(device) -> int:
    """How often somebody went over the elements of an array of the card; CuPy itself does not count them."""
    return getattr(device.xp, "counts", {"iterations": 0})["iterations"]


def both(card, how, engine, iterations=5, atomics=False, **options):
    """The outcome on the CPU and on the card"""
    with card(how.get("precision", "double"), atomics) as device:
        on_card = outcome(how, engine, iterations, device, **options)
        assert walks(device) == 0
    return outcome(how, engine, iterations, **options), on_card


def slow_but(case: str, quick: str):
    """A case, slow if it is not the quick one"""
    return case if case == quick else pytest.param(case, marks=pytest.mark.slow)


def same(one, two, tolerance, loose=1):
    """Every figure of two histories, object and probe; loose : other figures than the error differ more"""
    for a, b in zip(one[0], two[0], strict=True):
        assert a.keys() == b.keys()
        for key in a.keys() - {"engine"}:
            more = 1 if key == "error" else loose
            assert b[key] == pytest.approx(a[key], rel=more * tolerance), (key, a["iteration"])
    for a, b in zip(one[1:], two[1:]):
        assert a.dtype == b.dtype and abs(a - b).max() <= loose * tolerance * abs(a).max()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", [slow_but(c, "plain") for c in CASES if c != "threads"])
def test_engines_give_the_answer_of_the_cpu(card, case, engine):
    same(*both(card, CASES[case], engine), 1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_single_precision_gives_the_history_of_the_cpu_to_five_digits(card, engine):
    same(*both(card, {"precision": "single", "modes": 2}, engine, 8), 1e-5, loose=20)


@pytest.mark.parametrize("noise", ["gaussian", "euclidean"])
def test_ml_with_other_noise_prior_and_bounds(card, noise):
    same(*both(card, {}, "ML", noise=noise, smooth=0.5, bounds=(0.0, 1.5)), 1e-8)


def test_the_same_run_gives_the_same_bits(card):
    how = {"precision": "single"}
    one, two = (both(card, how, "DM")[1] for _ in range(2))
    assert np.array_equal(one[1], two[1]) and np.array_equal(one[2], two[2])


def test_frames_one_by_one_are_judged_as_on_the_cpu(card):
    how = {"modes": 2, "subpixel": 4}
    with card("double", False) as device:
        on_card = per_frame(problem(**how, device=device)[0])
    assert np.allclose(on_card, per_frame(problem(**how)[0]), rtol=1e-9, atol=0)


def left_out(device=None, precision="double"):
    """(history, object, probe) of engines with frames left out, which are judged and taken in"""
    how = {"modes": 2, "subpixel": 4, "out": np.arange(36) % 9 == 4, "precision": precision}
    p, _, _ = problem(**how, device=device)
    if device:
        assert p.I.held == len(p.I) == 36
    chain = [METHODS["engine"][name](iterations=9) for name in ("DM", "ML")]
    history = run_chain(chain, p, 9, quiet)
    return history, p.device.host(p.O), p.device.host(p.P)


def test_frames_left_out_stay_on_the_card_and_say_the_same(card, monkeypatch):
    """The counts are brought once: rows that are not used behind those that are move nothing"""
    brought = []
    monkeypatch.setattr("nanompi.device.streamed.bring", lambda *a: (brought.append(a), bring(*a)))
    with card("double", False) as device:
        on_card = left_out(device)
    same(left_out(), on_card, 1e-8)
    assert len(brought) == 1 and len(on_card[0]) == 9 + 9 + LEAST and on_card[0][-1]["held"] > 0


@pytest.mark.slow
def test_frames_left_out_beyond_the_card(card, monkeypatch):
    monkeypatch.setattr("nanompi.device.fit.MANY", 2)
    how, _, small = scan(3)
    out = np.arange(how["frames"]) % 20 == 7
    with card("single", **small) as device:
        p, _, _ = problem(**how, out=out, device=device)
        on_card = run_chain([METHODS["engine"]["DM"](iterations=2)], p, 2, quiet)
        assert p.I.held < len(p.I)
    want = run_chain([METHODS["engine"]["DM"](iterations=2)], problem(**how, out=out)[0], 2, quiet)
    assert on_card[-1]["held"] == pytest.approx(want[-1]["held"], rel=1e-3)
    assert on_card[-1]["error"] == pytest.approx(want[-1]["error"], rel=1e-4)


def test_atomic_sums_give_the_same_answer_to_rounding(card):
    same(*both(card, {}, "DM", atomics=True), 1e-8)


@pytest.mark.parametrize("streams", [slow_but(s, "lazy") for s in ("lazy", "eager")])
@pytest.mark.parametrize("engine", ENGINES)
def test_frames_beyond_the_card_give_the_same_bits(card, engine, streams, monkeypatch):
    """Some rows on the card, the others in the host's memory: every sum has the same order"""
    beyond(card, engine, monkeypatch, 1_400_000, STREAMS=streams)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["DM", "ML"])
def test_frames_beyond_the_card_give_the_same_bits_at_many_shifts(card, engine, monkeypatch):
    """of the probe, which are added up in another way than few"""
    beyond(card, engine, monkeypatch, 2_300_000, subpixel=4)


def beyond(card, engine, monkeypatch, memory, subpixel=1, **settings):
    """The same bits on a card of so many bytes, which hold some frames, as on one that holds all"""
    how, outcomes = {"precision": "single", "frames": 64, "subpixel": subpixel}, []
    for size in (8 << 20, memory):
        with card("single", L2=1024, MEMORY=size, **settings) as device:
            monkeypatch.setattr("nanompi.device.fit.MANY", 4)
            held, large = [], device.large

            def seen(*args, large=large, held=held):
                held.append(large(*args))
                return held[-1]

            device.large = seen
            outcomes.append(outcome(how, engine, device=device))
            assert all((r.held == len(r)) == (size == 8 << 20) for r in held) and device._limit is None
            assert all(0 < r.held for r in held), [r.held for r in held]
            assert all(
                ("stay in the host's memory" in device.left_on_host(r)) == (r.held < len(r)) for r in held
            )
    whole, part = outcomes
    assert whole[0] == part[0]
    assert np.array_equal(whole[1], part[1]) and np.array_equal(whole[2], part[2])


def test_too_small_a_card_is_said_with_numbers(card):
    with card("single", MEMORY=400_000) as device:
        with pytest.raises(ResourceError, match=r"blocks of one frame need [\d.]+ MiB.* MiB are left"):
            outcome({"precision": "single"}, "DM", device=device)
    assert ResourceError.code == 4


@pytest.mark.parametrize("held", [0, 3, 7])
def test_an_array_partly_beside_the_card_comes_back_whole(card, held):
    whole = np.arange(7 * 6, dtype=np.float32).reshape(7, 6)
    with card("single") as device:
        from nanompi.device.streamed import StreamedArray

        rows = StreamedArray(device, whole.shape, whole.dtype, held, whole.copy())
        assert np.array_equal(device.host(rows), whole)


def sought(device=None):
    """By how much two frames are moved that were put 2 and 3 px off their places, and the gains meanwhile"""
    p = scene_problem(make(draw(5, n=32, frames=40, step=0.12)), device, refine=RefinePositions())
    run_chain([METHODS["engine"]["DM"](iterations=12)], p, 20, quiet)
    away, rescue = np.zeros((40, 2), np.int64), p.refinement.rescue
    away[[7, 30]] = (2, -1), (0, 3)
    p.refinement.jump(p, away)
    rescue.lost = away.any(1)
    with rescue.apart(p):
        gains = p.device.host(p.gain), p.device.host(p.given)
    assert p.device.host(p.gain).all()
    return found_again(p, rescue.lost), away, gains


@pytest.mark.slow
def test_lost_frames_are_found_on_a_card(card):
    """where the CPU finds them, about where they were"""
    want, away, _ = sought()
    with card("double", False) as device:
        found, _, gains = sought(device)
    assert np.array_equal(found, want) and np.abs(found + away).max() <= 1
    assert all(np.array_equal(gain == 0, away.any(1)) for gain in gains)
