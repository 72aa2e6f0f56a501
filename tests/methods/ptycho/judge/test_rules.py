"""From figures to a grade, a reason and the line of the job: each cause by figures of a scan that had it."""

from dataclasses import dataclass, field

import pytest

from nanompi.cli import main
from nanompi.methods.ptycho.doctor.search import Lead
from nanompi.methods.ptycho.judge import rules
from nanompi.methods.ptycho.judge.moving import Moves

GOOD = {
    "counting": True, "frames": 200, "empty": 0, "empty_frames": "", "modes": 1, "modes_counted": False,
    "orientation": 0,
    "misfit": 0.9, "mean_frame": 9.5, "eps": 0.0, "held": 1.02, "held_error": 0.02, "eps_held": 0.006,
    "unseen": 1.0, "share_flux": 0.012, "flux_rms": 0.0014, "flux_noise": 0.0017, "share_positions": 0.05,
    "move": 0.04, "affine_sigmas": 3.0, "share_affine": 0.001, "share_blur": 0.0, "share_background": 0.0,
    "floor": 0.0, "even_floor": 0.0, "share_pixels": 0.0, "worst_pixel": 0.0, "odd_pixels": 0,
    "photons_per_pixel": 4700.0, "noise": 0.0073, "sign": 0.23, "sign_error": 0.06, "overlap": 0.7,
    "fall": 0.002, "skipped": 0.0, "steep": 0.3, "fano": 1.0, "background": 0.0, "background_right": 0.0,
    "background_auto": 0.0, "share_too_high": 0.0, "iterations": 70.0,
}  # fmt: skip

MEASURED = {  # as simulated scans with that fault had them: what differs from a good one
    "empty frames": {"empty": 7, "empty_frames": "3, 23"},
    "hot or dead pixels": {"held": 1.7, "share_pixels": 0.92, "worst_pixel": 19.0, "odd_pixels": 78,
                           "share_flux": 0.04, "flux_rms": 0.005, "flux_noise": 0.0012},
    "few counts": {"noise": 0.33, "photons_per_pixel": 2.2, "mean_frame": 0.85},
    "twin": {"sign": -0.23},
    "flux": {"held": 2.2, "unseen": 0.27, "misfit": 2.2, "share_flux": 0.69, "flux_rms": 0.081},
    "background": {"held": 1.95, "unseen": 0.86, "misfit": 1.3, "share_background": 0.15, "floor": 3.9,
                   "even_floor": 4.1, "share_blur": 0.033},
    "modes": {"held": 2.1, "unseen": 0.97, "misfit": 1.6, "share_blur": 0.04},
    "positions": {"held": 1.8, "unseen": 0.77, "misfit": 1.4, "share_positions": 0.8, "move": 1.0},
    "overlap": {"held": 6.8, "unseen": 0.55, "misfit": 1.04, "overlap": 0.32},
}  # fmt: skip
LINES = {
    "empty frames": "select: {without: [3, 23]}",
    "hot or dead pixels": "mask: {hot: 12, dead: true}",
    "twin": "orientation: 3",
    "flux": "flux: true",
    "background": "background: auto",
    "modes": "probe: {modes: auto}",
    "positions": "positions: true",
}
LOST = {"held": 14.0, "unseen": -1.1, "misfit": 3.5, "share_flux": 0.16, "flux_rms": 0.044}
BENT = {"held": 1.12, "affine_sigmas": 28.0, "share_affine": 0.023, "share_positions": 0.16}


@dataclass
class Contrast:
    """What the doctor gives"""

    state: str
    words: str = "of 8 geometries"
    paste: str = ""
    figures: dict = field(default_factory=dict)
    whole: bool = True


def never():
    raise AssertionError("other geometries were tried, and need not be")


def decide(f, contrast, moves=never):
    return rules.decide(f, contrast, moves)


def test_a_good_scan_is_good():
    finding = decide(GOOD, never)
    assert finding.grade == "good" and "1.020 ± 0.020" in finding.words and not finding.paste
    late = decide(GOOD | {"fall": 0.03}, never)
    assert late.grade == "good" and "more of them would help" in late.words


@pytest.mark.parametrize("cause", MEASURED)
def test_each_fault_is_named_with_its_line(cause):
    best = lambda: Contrast("best")  # noqa: E731  asked where a cause explains little of much
    asked = (best, lambda: None) if cause == "modes" else (never,)
    finding = decide(GOOD | MEASURED[cause], *asked)
    assert finding.cause == cause and finding.grade != "good"
    assert finding.paste == LINES.get(cause, "") and finding.words


def test_a_geometry_that_another_beats_is_wrong_and_the_best_never_is():
    """Also where all figures are those of no image at all; what beats it is the line to paste"""
    other = decide(GOOD | LOST, lambda: Contrast("other", "transposed is better", "orientation: 4"))
    assert (other.grade, other.cause, other.paste) == ("wrong", "geometry", "orientation: 4")
    assert "transposed is better" in other.words and "vary" not in other.words  # flux is not blamed
    assert decide(GOOD | LOST, lambda: Contrast("best"), lambda: None).grade == "doubtful"
    assert decide(GOOD | LOST, lambda: Contrast("unclear"), lambda: None).grade == "wrong"
    assert "nanompi geometry" in decide(GOOD | LOST, lambda: None).words


def test_where_modes_were_counted_or_are_more_the_line_has_more():
    """`modes: auto` again would give the same number, or fewer"""
    for known, modes in (({"modes_counted": True}, 3), ({"modes": 2}, 4)):
        finding = decide(GOOD | MEASURED["modes"] | known, lambda: Contrast("best"), lambda: None)
        assert finding.paste == f"probe: {{modes: {modes}}}"


HIGH = {
    "held": 2.13,
    "misfit": 2.0,
    "share_too_high": 0.45,
    "background": 3.0,
    "background_right": 1.2,
}


def test_a_background_that_is_too_high_is_told_before_pixels_and_a_start():
    """As on a scan without any, given 3 counts: its dark pixels are odd, and frames begun anew meet better"""
    odd = {"share_pixels": 0.4, "worst_pixel": 19.0, "odd_pixels": 300}
    finding = decide(GOOD | HIGH | odd, never)
    assert (finding.grade, finding.cause, finding.paste) == ("doubtful", "background", "background: auto")
    assert "too high: 3 counts" in finding.words and "about 0" in finding.words
    own = decide(GOOD | HIGH | {"background_auto": 2.9}, never)  # the floor is no lower: by the slope
    assert own.paste == "background: 1.2"
    best = lambda: Contrast("best", figures={"held": 1.9})  # noqa: E731
    for right in (
        HIGH | {"background_right": 2.7, "background_auto": 2.9},
        HIGH | {"share_too_high": 0.05},
    ):
        assert decide(GOOD | right, best, lambda: None).cause != "background"
    assert decide(GOOD | HIGH | {"held": 1.05, "misfit": 1.0}, never).grade == "good"


def test_what_the_detector_adds_to_counting_noise_is_no_misfit_and_is_said():
    """1.75 of counting noise are all that counts with 1.75 times its variance leave: the log's own figure"""
    twice = {"held": 1.75, "held_error": 0.07, "misfit": 1.7, "mean_frame": 16.0}
    finding = decide(GOOD | twice | {"fano": 1.75}, never)
    assert finding.grade == "good" and "1.750 ± 0.070 of counting noise" in finding.words
    assert "the detector is 1.75 times as much" in finding.words
    best = lambda: Contrast("best", figures={"held": 1.7})  # noqa: E731
    assert decide(GOOD | twice, best, lambda: None).grade == "doubtful"


def test_a_start_that_failed_is_told_by_one_that_did_not():
    """As on a good random scan: 5.3 in the run, 1.17 on a hundred of its frames begun anew"""
    figures = GOOD | LOST | {"held": 5.3, "held_error": 0.2}
    finding = decide(figures, lambda: Contrast("best", figures={"held": 1.17}))
    assert (finding.grade, finding.cause) == ("doubtful", "start") and "1.17" in finding.words
    assert decide(figures, lambda: Contrast("best", figures={"held": 4.8}), lambda: None).cause != "start"


def test_positions_off_by_some_pixels_are_told_by_frames_that_move():
    """As in a scan with errors of 3 px: single moves of an image that is none explain nothing"""
    figures, unclear = GOOD | LOST, lambda: Contrast("unclear", "it cannot be told", figures={"held": 16.6})
    finding = decide(figures, unclear, lambda: Moves(11.2, 7.8, Lead(0.41, 0.07), 1.8))
    assert (finding.grade, finding.cause, finding.paste) == ("wrong", "positions", "positions: true")
    assert "7.8" in finding.words and "tested by nothing" not in finding.words
    for little in (Lead(0.3, 0.15), Lead(0.1, 0.01)):
        finding = decide(figures, unclear, lambda by=little: Moves(16.1, 12.0, by, 1.8))
        assert finding.cause == "geometry" and "tested by nothing" in finding.words


def test_what_explains_little_of_much_gives_way_to_frames_that_move():
    """An image, of frames that are met to twenty times counting noise: fringes explain 3 % of that.
    Frames that do not gain where they move leave what is known; a start that failed is told first"""
    figures = GOOD | {"held": 20.0, "unseen": 0.7, "misfit": 15.0, "share_blur": 0.035}
    moved, still = (lambda by=by: Moves(11.2, 7.8, by, 1.8) for by in (Lead(0.41, 0.07), Lead(0.05, 0.07)))
    for state in ("best", "unclear"):
        assert decide(figures, lambda s=state: Contrast(s), moved).cause == "positions"
        assert decide(figures, lambda s=state: Contrast(s), still).cause == "modes"
    assert decide(figures, lambda: Contrast("best", figures={"held": 1.2}), never).cause == "start"
    assert decide(figures | {"share_blur": 0.5}, never).cause == "modes"


def test_while_other_geometries_are_left_untried_nothing_is_named_for_want_of_another_cause():
    """A distance 20 % too short: its frames meet better where they move, too (8.3 in place of 10.8), and an
    energy 25 % too high washes out the fringes. Both were said of such scans when time was over"""
    short = {"held": 10.9, "unseen": 0.77, "misfit": 5.0, "share_blur": 0.073, "share_positions": 0.017}
    unclear = lambda: Contrast("unclear", "the time for this was over", whole=False)  # noqa: E731
    finding = decide(GOOD | short, unclear, never)
    assert (finding.grade, finding.cause, finding.paste) == ("doubtful", "geometry", "")
    assert "not explained" in finding.words and "time for this was over" in finding.words
    assert decide(GOOD | LOST, unclear, never).cause == "geometry"
    assert (
        decide(GOOD | LOST | {"share_positions": 0.4}, unclear, never).cause == "positions"
    )  # explains much
    moved = lambda: Moves(10.8, 8.3, Lead(0.27, 0.03), 1.2)  # noqa: E731
    assert decide(GOOD | short, lambda: Contrast("best"), moved).cause == "positions"


def test_single_moves_that_agree_ask_for_other_geometries_first():
    """An energy 25 % too high, in a scan of 186 frames: moves explain 30 %, an affine change 1.9 % of the
    misfit; positions off by 1 px: 43 % and less than 0.1 %"""
    energy = GOOD | {"held": 1.55, "unseen": 0.94, "misfit": 1.04, "share_positions": 0.3, "move": 0.19,
                     "share_affine": 0.0185, "affine_sigmas": 12.7, "frames": 186}  # fmt: skip
    other = decide(energy, lambda: Contrast("other", "the distance is 2.46 m", "distance: 2.46 m"))
    assert (other.grade, other.cause, other.paste) == ("wrong", "geometry", "distance: 2.46 m")
    for state in ("best", "unclear"):
        assert decide(energy, lambda s=state: Contrast(s)).cause == "positions"
    assert decide(energy | {"share_affine": 0.005, "affine_sigmas": 10.5}, never).cause == "positions"


def test_moves_that_take_away_most_of_a_little_tell():
    """Positions off by 1 px: a hundred frames are met to 1.086 where they stand, to 1.013 moving; turned by
    2 degrees: to 1.105 and 1.077"""
    figures, best = GOOD | {"held": 2.4, "unseen": -0.07, "misfit": 1.9}, lambda: Contrast("best")
    assert decide(figures, best, lambda: Moves(1.086, 1.013, Lead(0.07, 0.0105), 1.3)).cause == "positions"
    for rest in (Moves(1.105, 1.077, Lead(0.026, 0.007), 0.7), Moves(1.25, 1.17, Lead(0.06, 0.01), 0.7)):
        assert decide(figures, best, lambda m=rest: m).cause == "geometry"


def test_an_image_that_still_gets_better_fast_needs_iterations():
    """An object of 6 rad: 0.24 rad off, held 1.52, and llk fell by a third in the last ten iterations"""
    figures = GOOD | {"held": 1.52, "held_error": 0.08, "misfit": 1.61, "unseen": 0.997, "fall": 0.48}
    finding = decide(figures | {"steep": 1.2}, never)
    assert (finding.grade, finding.cause) == ("doubtful", "iterations") and "strong" in finding.words
    assert "strong" not in decide(figures, never).words and "fell by 32 %" in finding.words
    assert decide(figures | {"fall": 0.05}, lambda: None).cause == "geometry"
    assert decide(figures | {"unseen": 0.7}, lambda: None).cause == "geometry"


def test_where_much_is_missing_of_an_image_on_its_way_other_geometries_are_tried():
    """An energy 25 % too high, 0.065 rad off: llk fell by 11 % in the last ten iterations, and that was all
    that was named; an image on its way in the best geometry has not failed to start"""
    figures = GOOD | {"held": 3.01, "held_error": 0.25, "misfit": 2.2, "unseen": 0.95, "fall": 0.124}
    assert decide(figures | {"held": 1.9}, never).cause == "iterations"
    line = "distance: 2.497 m  # input"
    finding = decide(figures, lambda: Contrast("other", paste=line))
    assert (finding.grade, finding.cause, finding.paste) == ("wrong", "geometry", line)
    anew = lambda: Contrast("best", figures={"held": 1.07})  # noqa: E731
    assert (
        decide(figures, anew).cause == "iterations" and decide(figures | {"fall": 0}, anew).cause == "start"
    )


@pytest.mark.parametrize("early", [{"iterations": 8.0}, {"iterations": 11.0, "fall": 6.9}])
def test_no_cause_is_looked_for_in_an_image_that_has_hardly_begun(early):
    """Of 8 and 11 iterations on right scans: background of 12 counts, and positions turned or stretched"""
    far = GOOD | {
        "misfit": 18.0,
        "unseen": 0.5,
        "share_background": 0.21,
        "floor": 12.0,
        "affine_sigmas": 72.0,
    }
    del far["held"]
    finding = decide(far | early, never)
    assert (finding.grade, finding.cause, finding.paste) == ("doubtful", "iterations", "")
    assert decide(far, lambda: None).cause != "iterations"
    assert decide(GOOD | early, never).grade == "good"


def test_positions_bent_as_a_whole_ask_for_other_geometries():
    """A distance that is wrong bends the image to it: unseen frames are met, the positions tell"""
    finding = decide(GOOD | BENT, lambda: Contrast("unclear"))
    assert (finding.grade, finding.cause) == (
        "doubtful",
        "geometry",
    ) and "turned or stretched" in finding.words
    assert decide(GOOD | BENT | {"fall": 0.17}, never).grade == "good"  # not yet converged: it tells nothing


def test_fringes_that_are_washed_out_are_not_taken_for_a_bent_scan():
    """A scan with three modes: 60 error bars of an affine change, which explains a thousandth"""
    figures = {"held": 9.5, "unseen": 0.59, "misfit": 8.0, "share_blur": 0.19, "share_background": 0.027,
               "floor": 0.83, "affine_sigmas": 60.0, "share_affine": 0.001,
               "share_positions": 0.008}  # fmt: skip
    assert decide(GOOD | figures, lambda: Contrast("best"), lambda: None).cause == "modes"


def test_a_cause_that_explains_little_of_much_gives_way_to_another_geometry():
    """A scan with frames late by one: 6.7 % of the misfit by fringes, of fifteen times counting noise"""
    figures = {"held": 14.6, "unseen": 0.54, "misfit": 11.1, "share_blur": 0.067, "share_positions": 0.12}
    other = decide(GOOD | figures, lambda: Contrast("other", "the frames are late by 1"))
    assert (other.grade, other.cause, other.words) == ("wrong", "geometry", "the frames are late by 1")
    assert decide(GOOD | figures | {"held": 1.6}, never).cause == "modes"
    assert decide(GOOD | figures | {"share_blur": 0.4}, never).cause == "modes"


def test_nothing_is_blamed_that_explains_nothing():
    """A measured scan: five times counting noise, no share that counts, and its geometry is the best"""
    figures = GOOD | {"held": 5.2, "unseen": 0.92, "misfit": 3.7, "eps_held": 0.09}
    finding = decide(figures, lambda: Contrast("best", "it is the best of 8"))
    assert finding.grade == "doubtful" and finding.words.startswith("9 % of the amplitude")
    assert finding.words.endswith("it is the best of 8")


def test_without_frames_left_out_those_seen_tell():
    seen = {k: v for k, v in GOOD.items() if "held" not in k}
    words = decide(seen, never).words
    assert "all of which were seen" in words and "heldout" not in words
    assert "fewer than 100" in decide(seen | {"frames": 99}, never).words
    assert decide(seen | {"misfit": 1.4}, lambda: None).grade == "doubtful"
    lost = decide(seen | {"misfit": 8.0, "unseen": 0.1}, lambda: None)
    assert lost.grade == "wrong" and "unseen" not in lost.words


def test_an_image_on_its_way_has_no_cause():
    """Stopped early: what one pass finds in it may be only what the other iterations would have mended"""
    for fault in ("positions", "modes", "background", "overlap"):
        finding = decide(GOOD | MEASURED[fault] | {"skipped": 50.0}, never)
        assert (finding.grade, finding.cause, finding.paste) == ("doubtful", "stopped", "")
        assert "50 iterations were skipped" in finding.words
    assert decide(GOOD | MEASURED["empty frames"] | {"skipped": 50.0}, never).cause == "empty frames"
    done = decide(GOOD | {"skipped": 1.0}, never)
    assert done.grade == "good" and "1 iteration was skipped" in done.words


def test_without_counting_noise_the_amplitudes_tell():
    smooth = {k: v for k, v in GOOD.items() if "held" not in k} | {"counting": False, "noise": 1.0}
    assert decide(smooth | {"eps": 0.01}, never).grade == "good"
    assert decide(smooth | {"eps": 0.2, "unseen": 0.9}, lambda: None).grade == "doubtful"


def test_refined_positions_that_were_not_found_are_named():
    """3 px, not found (held 26, moves of 2.9 px); 2 px, found; one frame at the limit"""
    missed = GOOD | LOST | {"moved": 2.88, "at_reach": 5.0}
    finding = decide(missed, lambda: Contrast("cannot be told"), lambda: None)
    assert finding.grade == "wrong" and finding.words.endswith(
        "frames were moved by 2.9 px (rms along each axis), 5 frames as far as `reach` allows: positions "
        "off by 2 px are mostly found, by 3 px often not, and that spoils the image"
    )
    found = GOOD | {"moved": 2.1, "at_reach": 0.0}
    assert decide(found, never) == decide(GOOD, never)
    one = decide(found | {"at_reach": 1.0}, never)
    assert one.grade == "good" and one.words.endswith("1 frame as far as `reach` allows")
    asked = decide(GOOD | MEASURED["positions"] | {"moved": 1.6, "at_reach": 0.0}, never)
    assert asked.cause == "positions" and asked.paste == "" and "3 px often not" in asked.words
    assert decide(GOOD | MEASURED["flux"] | {"moved": 0.3, "at_reach": 0.0}, never).paste == "flux: true"


def test_the_manual_says_what_is_not_found(capsys):
    assert main(["methods", "ptycho"]) == 0
    assert "errors of 2 px rms are mostly found, of 3 px often not" in " ".join(
        capsys.readouterr().out.split()
    )
