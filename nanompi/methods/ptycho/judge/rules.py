"""From figures to a grade, a reason in words, and the line of the job that would mend it.

Only what was tested is named as a cause. What the data alone show comes first; then, where unseen frames
are met to counting noise, what still can be wrong; else the unknown that explains most of the misfit. Where
none does, or where unseen frames are foretold hardly better than by their mean, other geometries are tried:
the figures of measured frames lie above those of simulated ones that are wrong, so that only a comparison
tells there, and a geometry that is the best of all that were tried is never called wrong.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from nanompi.methods.ptycho.judge.words import (
    Finding,
    count,
    explains,
    fell,
    improving,
    noise,
    of_noise,
    only_seen,
    part,
    skipped,
)

MET = 1.25  # held of a right model at most: 73 simulated scans had 1.32 at most, nine of ten up to 1.17
SEEN = 1.06  # the same of seen frames, which the model follows into their noise
ERRORS = 4.0  # so many error bars are no chance
CLOSE = 0.05  # relative error of the amplitudes that is good where no noise tells how much is to be expected
CLEAR = 0.8  # of the same: faulty pixels leave so much of it; where less is foretold much else is wrong
LOST = 0.5  # of what frames differ by from their mean: where less is foretold of unseen ones, it is no image
FEW = 0.08  # rad of noise
FEW_FRAMES = 1.1  # deviance of the mean frame over its expectation: frames do not differ
SHARE = {"flux": 0.1, "background": 0.02, "blur": 0.008, "positions": 0.2}  # beyond those of good scans
FULL = {"flux": 0.1, "background": 0.02, "blur": 0.035, "positions": 0.2}  # alike where they are the cause
FAULTY, FAR = 0.1, 8.0  # share of the misfit in odd pixels; deviance of the worst in that of chance
MOVED = 0.2  # px, median move that frames ask for
BENT, WHOLE = 10.0, 0.1  # error bars of an affine change; its share of what single moves would explain
BENT_SHARE = 0.005  # and of the misfit: modes and a background had 0.004 at most, true ones 0.009 and more
TOGETHER = 2.0  # times what chance makes an affine change explain of what single moves do
SETTLED = 0.03  # fall of llk in ten iterations from which on frames that are met have no place to tell yet
TWIN, SURE = -0.1, 3.0  # correlation that a wrong sign has; its error bars
OVERFIT, APART = 8.0, 0.5  # (held - 1) over what seen frames have too much; overlap of neighbours
STARTED = 4.0  # times what a new start leaves beyond noise
HIGH, LOWER = 0.1, 0.8  # share of the misfit of a lower background; how low that must be at least
LITTLE, MUCH = 0.3, 2.0  # share of a cause, and `held`, at which other geometries are tried all the same
FIRST = 15  # iterations after which an image has hardly begun
FAST, STEEP = (
    0.1,
    1.0,
)  # fall of llk in ten iterations of an image on its way; rad from pixel to pixel in a strong object
MOVES = 0.15  # log of the ratio of deviances, by which frames that move must be ahead,
MENDED = 0.5  # or part of what is beyond noise, that they may leave
REFINED = 1.5  # px rms along each axis, of refined positions: from such moves on frames may be lost
GEOMETRY, ON_ITS_WAY = "geometry", "iterations"
REST = (
    ". What remains is tested by nothing here: positions off by more than some pixels, or a start that "
    "failed (a strong object, a beam unlike a lens's)"
)


def decide(f: dict[str, Any], contrast: Callable[[], Any], moves: Callable[[], Any]) -> Finding:
    """What the figures f say; contrast() compares with other geometries: doctor.contrast, None without it;
    moves() with frames that move: moving.moves, or None.

    Called on every rank with the same figures (both are collective).
    """
    for rule in (empty, background_high, faulty, few_counts):
        if finding := rule(f):
            return finding
    if not met(f) and (f["skipped"] or begun(f)):
        return unfinished(f)
    finding = settled(f) if met(f) else missed(f)
    finding = compared(f, finding, contrast(), moves) if asks(f, finding) else finding
    if "moved" in f and finding.paste == "positions: true":  # the advice was followed already
        finding = replace(finding, paste="")
    return not_found(f, finding)


def not_found(f, finding: Finding) -> Finding:
    """The same with a remark where refined positions did not end well.

    Frames at the limit lie at the rim, where nothing tells of them, and the image is good all the same; where
    moves are large and the counts are not met, most frames may be lost, whatever else explains the misfit.
    """
    far, held = f.get("moved"), f.get("at_reach", 0.0)
    large = far is not None and far >= REFINED and not met(f)
    if not (large or held):
        return finding
    words = f"frames were moved by {far:.2g} px (rms along each axis)"
    words += f", {count(held, 'frame')} as far as `reach` allows" * bool(held)
    if large:
        words += ": positions off by 2 px are mostly found, by 3 px often not, and that spoils the image"
    return replace(finding, words="; ".join(filter(None, (finding.words, words))))


def asks(f, finding: Finding) -> bool:
    """Must other geometries be tried? Also where much is missing of an image on its way: an energy 25 % too
    high had llk fall by 11 % in its last ten iterations."""
    together = finding.cause == "positions" and moved_together(f)
    far_off = finding.cause == ON_ITS_WAY and noise(f) > MUCH
    return finding.cause == GEOMETRY or together or far_off or explains_little(f, finding)


def moved_together(f) -> bool:
    """Do single moves agree in a turn or stretch of the whole, by more than chance? Of moves that know
    nothing of each other its 6 unknowns (scale, rotation, stretch, shear, shifts) explain 6 / 2n on average.
    """
    chance = 3 / max(f["frames"], 1) * f["share_positions"]
    return f["affine_sigmas"] > BENT and f["share_affine"] > TOGETHER * chance


def explains_little(f, finding: Finding) -> bool:
    """Does a cause explain little of much? A wrong geometry, and frames that are elsewhere, let each unknown
    explain something."""
    shares = {"flux": "flux", "background": "background", "modes": "blur", "positions": "positions"}
    little = finding.cause in shares and f[f"share_{shares[finding.cause]}"] < LITTLE
    return little and noise(f) > MUCH


def settled(f) -> Finding:
    """Where the frames are met: what they cannot tell, or not well"""
    return twin(f) or displaced(f) or good(f)


def missed(f) -> Finding:
    """Where they are not. With most of the misfit unexplained and no image, small shares are chance."""
    if f["unseen"] < LOST and not all_of_it(f):
        return little_overlap(f) or unexplained(f)
    return bent(f) or strongest(f) or little_overlap(f) or on_its_way(f) or unexplained(f)


def met(f) -> bool:
    """Are unseen frames met to counting noise, and seen ones, as far as anything tells?"""
    if not f["counting"]:
        return f["eps"] < CLOSE
    seen = noise(f, "misfit")
    if "held" not in f:
        return seen < SEEN
    chance = f["held"] - f["fano"] < ERRORS * f["held_error"] and seen < SEEN
    return (noise(f) < MET and seen < MET) or chance


def begun(f) -> bool:
    """Has the image hardly begun?"""
    return f["iterations"] <= FIRST


def unfinished(f) -> Finding:
    """The misfit of an image on its way is no evidence of a cause"""
    which, size = ("unseen frames", f["held"]) if "held" in f else ("frames", f["misfit"])
    words = f"{which} are met to {size:.3g} {of_noise(f)}"
    words = words if f["counting"] else f"amplitudes are met to {part(f['eps'])}"
    early = f"after {f['iterations']:.0f} iterations{improving(f)}"
    words += f"{skipped(f) or ' ' + early}, and what is missing is not looked for in an image on its way"
    cause = "stopped" if f["skipped"] else ON_ITS_WAY
    return Finding("doubtful", cause, words + "; `nanompi geometry JOB` asks the frames alone")


def empty(f) -> Finding | None:
    """Frames with hardly any counts, of which the model has some"""
    if not f["empty"]:
        return None
    words = f"{f['empty']} of {f['frames']} frames are (nearly) empty: {f['empty_frames']}"
    return Finding("wrong", "empty frames", words, f"select: {{without: [{f['empty_frames']}]}}")


def background_high(f) -> Finding | None:
    """More counts in each pixel of the model than dark pixels have"""
    most, level = LOWER * f["background"], f["background_right"]
    auto = f["background_auto"] < most
    if f["share_too_high"] < HIGH or not (auto or level < most) or met(f):
        return None
    level = f["background_auto"] if auto else level
    words = f"the background is too high: {f['background']:.3g} counts in each pixel, where the frames have "
    words += f"about {level:.2g}"
    line = "background: auto" if auto else f"background: {level:.2g}"
    return Finding("doubtful", "background", words + explains("too_high", f), line)


def faulty(f) -> Finding | None:
    """Pixels that no wave explains"""
    if f["share_pixels"] < FAULTY or f["worst_pixel"] < FAR or f["unseen"] < CLEAR:
        return None
    words = f"{count(f['odd_pixels'], 'pixel')} whose mean counts no wave explains hold "
    words += f"{part(f['share_pixels'])} of the misfit: hot or dead ones"
    return Finding("doubtful", "hot or dead pixels", words, "mask: {hot: 12, dead: true}")


def few_counts(f) -> Finding | None:
    """Too few photons for an image, whatever the likelihood says"""
    if not f["counting"] or (f["noise"] < FEW and noise(f, "mean_frame") > FEW_FRAMES):
        return None
    words = f"few counts: {f['photons_per_pixel']:.2g} photons for a pixel of the object leave about "
    words += f"{f['noise']:.2g} rad of noise in the phase, and the frames tell no more of the rest"
    return Finding("doubtful", "few counts", words + "; more frames or longer exposures would")


def twin(f) -> Finding | None:
    """The complex conjugate meets turned frames as well: only nature tells"""
    if f["sign"] > TWIN or f["sign"] > -SURE * f["sign_error"]:
        return None
    words = (
        f"phase and absorption go opposite ways (correlation {f['sign']:.2f} ± {f['sign_error']:.2f}): this "
    )
    words += "is the complex conjugate, the frames are turned by half a turn"
    return Finding("wrong", "twin", words, f"orientation: {f['orientation'] ^ 3}")


def displaced(f) -> Finding | None:
    """Positions that are met by an image bent to them"""
    if f["fall"] > SETTLED or not f["counting"]:  # without counting noise nothing has an error bar
        return None
    asks = f["share_positions"] > SHARE["positions"] and f["move"] > MOVED
    return bent(f, WHOLE / 2) or (of_positions(f) if asks else None)


def bent(f, least: float = WHOLE) -> Finding | None:
    """Positions that all want to be turned or stretched: another distance, energy or step, a turned stage"""
    if f["affine_sigmas"] < BENT or f["share_affine"] < max(BENT_SHARE, least * f["share_positions"]):
        return None
    words = f"the positions as a whole want to be turned or stretched ({f['affine_sigmas']:.0f} error bars): "
    words += "distance, energy, step or axes of the stage are other than said"
    return Finding("doubtful", GEOMETRY, words)


def good(f) -> Finding:
    """Nothing that was tested is wrong"""
    if not f["counting"]:
        words = f"the amplitudes are met to {part(f['eps'])}; no counting noise tells more"
    elif "held" in f:
        words = f"unseen frames are met to {f['held']:.3f} ± {f['held_error']:.3f} {of_noise(f)}"
    else:
        words = f"the frames are met to {f['misfit']:.2f} {of_noise(f)}" + only_seen(f)
    return Finding("good", "", words + improving(f) + skipped(f))


def strongest(f) -> Finding | None:
    """Of the unknowns that explain more than in any right scan, the one that explains most of what it can"""
    known = [name for name, least in SHARE.items() if possible(name, f) and f[f"share_{name}"] > least]
    return CAUSES[max(known, key=lambda name: f[f"share_{name}"] / FULL[name])](f) if known else None


def possible(name: str, f) -> bool:
    """May a share be that of its cause? Where everything is wrong all are small, and by chance."""
    if name == "flux":
        return f["flux_rms"] > ERRORS * f["flux_noise"]
    if name == "background":
        return f["floor"] > 0
    return True


def of_flux(f) -> Finding:
    """The beam varies"""
    words = (
        f"the sums of frames and model differ by {part(f['flux_rms'])} from frame to frame, counting gives "
    )
    words += f"{part(f['flux_noise'])}: beam or exposure vary"
    return Finding("doubtful", "flux", words + explains("flux", f), "flux: true")


def of_background(f) -> Finding:
    """Light that does not come through the sample"""
    level = f["even_floor"] or f["floor"]
    words = f"about {level:.2g} counts lie in every pixel of every frame"
    line = "background: auto" if f["even_floor"] else f"background: {level:.2g}"
    return Finding("doubtful", "background", words + explains("background", f), line)


def of_blur(f) -> Finding:
    """Fringes of less contrast than those of one coherent wave"""
    words = "fringes are washed out: the beam is partly coherent, or something moves during an exposure"
    fewest = f["modes"] == 1 and not f["modes_counted"]  # auto tries up to three, if it has not yet
    line = "probe: {modes: auto}" if fewest else f"probe: {{modes: {f['modes'] + 2}}}"
    return Finding("doubtful", "modes", words + explains("blur", f), line)


def of_positions(f) -> Finding:
    """The frames were elsewhere"""
    words = f"the frames want to move by {f['move']:.2g} px, each its own way"
    return Finding("doubtful", "positions", words + explains("positions", f), "positions: true")


CAUSES = {"flux": of_flux, "background": of_background, "blur": of_blur, "positions": of_positions}


def little_overlap(f) -> Finding | None:
    """Seen frames are met, unseen ones are not, and neighbours share little: each frame has its own image"""
    over = max(noise(f, "misfit") - 1, 0) + 0.1
    if "held" not in f or noise(f) - 1 < OVERFIT * over or f["overlap"] > APART:
        return None
    words = f"frames that were seen are met to {f['misfit']:.2f} {of_noise(f)}, unseen ones to "
    words += f"{f['held']:.2g}: neighbours overlap by {part(f['overlap'])}, which does not tie them together"
    return Finding("doubtful", "overlap", words + "; smaller steps would")


def all_of_it(f) -> bool:
    """Do flux or single moves explain so much that nothing else need be looked for?"""
    return max(f["share_flux"] * possible("flux", f), f["share_positions"]) > LOST


def unexplained(f) -> Finding:
    """What no unknown that was tested explains"""
    if f["unseen"] < LOST:
        which = "unseen frames are foretold" if "held" in f else "frames, all of which were seen, are met"
        return Finding("wrong", GEOMETRY, f"{which} hardly better than by their mean")
    error = f["eps_held"] if "eps_held" in f else f["eps"]
    words = (
        f"{part(error)} of the amplitude of {'unseen ' * ('held' in f)}frames is not explained by counting "
    )
    words += "noise, nor by flux, background, coherence or single positions" * f["counting"]
    return Finding("doubtful", GEOMETRY, words)


def compared(f, cause: Finding, contrast, moves=lambda: None) -> Finding:
    """Where the neighbours have to tell. contrast : doctor.Contrast, or None where it could not be had
    moves : as `decide` has it, asked where nothing else is known of what is no image, or where what is known
        explains little of much
    """
    if contrast is None:
        words = f"{cause.words}; other geometries were not tried: `nanompi geometry JOB` does"
        return Finding(cause.grade, cause.cause, words, cause.paste)
    if contrast.state == "other":
        before = f"{cause.words}; " * (cause.cause == GEOMETRY)
        return Finding("wrong", GEOMETRY, before + contrast.words, contrast.paste)
    lost = f["unseen"] < LOST and contrast.state != "best"
    named = failed_start(f, cause, contrast) or by_elimination(f, cause, contrast, moves)
    words = f"{named.words}; {contrast.words}" + REST * (lost and named is cause)
    return Finding("wrong" if lost else "doubtful", named.cause, words, named.paste)


def by_elimination(f, cause: Finding, contrast, moves) -> Finding:
    """The cause that is left where no other geometry is one. While some were not tried, a wrong one may lie
    behind what explains little, and behind frames that meet better where they move."""
    named = elsewhere(f, contrast)
    little = explains_little(f, named or cause)
    if not contrast.whole:
        return unexplained(f) if little else named or cause
    if little or (not named and f["unseen"] < LOST):
        named = misplaced(moves()) or named
    return named or cause


def failed_start(f, cause: Finding, contrast) -> Finding | None:
    """Frames about the middle of the scan, begun anew, are met much better than in the run, which is not on
    its way to them"""
    own = contrast.figures.get("held", np.inf)
    worse = "held" in f and noise(f) - 1 >= STARTED * max(own / f["fano"] - 1, 0.05)
    if not worse or cause.cause == ON_ITS_WAY:
        return None
    words = f"a hundred frames about the middle, begun anew, are met to {own:.2f} {of_noise(f)}, in the run "
    words += f"to {f['held']:.2f}: its start failed; try more of DM, or another start probe"
    return Finding("doubtful", "start", words)


def elsewhere(f, contrast) -> Finding | None:
    """The cause where no other geometry is one: what explains most, if this geometry is the best; single
    moves, if they explain much of the misfit of what is no image"""
    if met(f):
        return None
    if contrast.state == "best":
        return strongest(f)
    return of_positions(f) if f["unseen"] < LOST and f["share_positions"] > SHARE["positions"] else None


def misplaced(moves) -> Finding | None:
    """Frames that meet much better where they move, though not to the end, or most of what was left where
    that is little. moves : moving.Moves, or None"""
    if moves is None or not moves.by.clear:
        return None
    if moves.by.size < MOVES and moves.moving - 1 > MENDED * (moves.still - 1):
        return None
    words = (
        "the positions are off by some pixels: unseen ones of a hundred frames about the middle are met to "
        f"{moves.moving:.3g} of counting noise where the others may move, to {moves.still:.3g} where not. "
        "`positions: true` mends errors of 2 px; for more it needs the right probe at the start"
    )
    return Finding("doubtful", "positions", words, "positions: true")


def on_its_way(f) -> Finding | None:
    """Nearly all that frames differ by is foretold, and each iteration still foretells more"""
    if f["unseen"] < CLEAR or f["fall"] < FAST:
        return None
    words = f"the image is on its way: llk fell by {fell(f)} in the last ten iterations"
    if f["steep"] > STEEP:
        words += f", and the object is strong: up to {f['steep']:.2g} rad from one pixel to the next"
    return Finding("doubtful", ON_ITS_WAY, words + "; more of them would help")
