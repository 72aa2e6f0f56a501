"""Where the iterations begin: object and probe from nothing, from the input, from an earlier result, from the
data."""

from typing import Literal

import numpy as np

from nanompi.errors import DataError, JobError
from nanompi.methods.ptycho.earlier_result import is_result, load_result
from nanompi.methods.ptycho.scale import seen
from nanompi.step import param, section
from nanompi.units import show

DARKEST = 0.01  # transmission of a start object at least: nothing comes back from zero
NEARLY = 1e-3  # pixels that differ by less, relatively, are taken for the same
CLOSE = 0.1  # by so much they may differ from one energy of a spectrum to another: the probe is resampled

FILE = "for start: file: run folder, or result of nanompi, ptypy, PyNX, Ptychodus, COSMIC, MATLAB, NumPy"

NO_LENS = (
    "probe.start: aperture needs probe.aperture and probe.focal, such as `aperture: 200 um`, `focal: 50 mm`"
)


@section
class StartObject:
    """The object at the start."""

    start: Literal["flat", "stxm", "input", "file"] = param(
        "flat",
        level="basic",
        help="ones; the maps of a step map.stxm before; the input's own; or from a file",
    )
    file: str = param("", kind="file", help=FILE)
    path: str = param("", help="which array of the file, where its layout is not known")
    pixel: float | None = param(None, unit="m", gt=0, help="pixel of the object in the file, if it says none")


@section
class StartProbe:
    """The probe at the start, and how many modes it has."""

    start: Literal["auto", "data", "input", "aperture", "file"] = param(
        "auto",
        level="basic",
        help="auto: from `file` where one is given, else from the input where it has one, else found "
        "from the data; or an aperture",
    )
    modes: int | Literal["auto"] = param(
        1,
        ge=1,
        le=100,
        level="basic",
        help="probe modes of partial coherence; auto = up to three, as unseen frames need",
    )
    varies: int = param(
        0,
        ge=0,
        le=20,
        help="shapes in which the probe differs from frame to frame, found by ML",
    )
    file: str = param("", kind="file", help=FILE)
    path: str = param("", help="which array of the file, where its layout is not known")
    pixel: float | None = param(None, unit="m", gt=0, help="pixel of the probe in the file, if it says none")
    aperture: float | None = param(
        None,
        unit="m",
        gt=0,
        help="diameter of the lens, for start: aperture; outside of it, where there is no light, an "
        "iteration of AP in single precision differs by rounding",
    )
    focal: float | None = param(None, unit="m", gt=0, help="focal length of the lens, for start: aperture")
    stop: float = param(0.0, unit="m", ge=0, help="diameter of its central stop, for start: aperture")
    defocus: float = param(0.0, unit="m", help="sample behind the focus, for start: aperture")

    def sources(self) -> list:
        """Where the papers are named that stand behind these parameters (`nanompi.papers`)."""
        from nanompi.methods.ptycho import modes, vary

        return [*[modes, modes.extra_modes] * (self.modes != 1), *[vary] * bool(self.varies)]


def start_object(how: StartObject, run, places, geometry) -> np.ndarray:
    """(H, W) complex, equal on all ranks, not to be written to. Errors: DataError, JobError."""
    if how.start == "flat":
        return np.broadcast_to(np.complex64(1), places.shape)
    return run.team.array_on_root(lambda: _known_object(how, run, places, geometry))


def _known_object(how, run, places, geometry):
    scan = run.data["data"]
    if how.start == "input":
        if scan.object is None:
            raise DataError(f"object.start: input, but {scan.file or 'the input'} holds no object; use flat")
        return _fit(scan.object, (0, 0), places.shape)
    if how.start == "stxm":
        return _mapped_object(run.data, places, geometry)
    from nanompi.methods.ptycho.wave import object_on_grid, read_wave

    if not is_result(_file(how.file, "object")):
        wave = read_wave(how.file, "object", how.path, how.pixel)
        run.say(f"object from {wave.where}: {_resampled(wave, geometry)}, its middle on that of the scan")
        return object_on_grid(wave, geometry.pixel, places.shape)
    old = load_result(how.file, only=("object", "pixel", "corner"))
    same_pixel(old["pixel"], geometry.pixel, how.file)
    move = np.rint((old.get("corner", places.origin) - np.asarray(places.origin)) / geometry.pixel).astype(
        int
    )
    if (move >= places.shape).any() or (move + old["object"].shape <= 0).any():
        raise DataError(
            f"{how.file}: its object lies {move} pixels away, nothing of it is in this scan; use flat"
        )
    return _fit(old["object"], move, places.shape)


def _mapped_object(data, places, geometry) -> np.ndarray:
    """sqrt(transmission) exp(i phase) of the maps of `map.stxm`, which stand at the middles of the frames,
    linear between them and as at the edge beyond. Errors: JobError where no such step came before."""
    from scipy.ndimage import map_coordinates

    if "dpc_phase" not in data or "transmission" not in data:
        raise JobError("object.start: stxm needs the step map.stxm before ptycho: add it to the steps")
    phase, transmission = data["dpc_phase"], np.maximum(data["transmission"].values, DARKEST)
    grid = [np.asarray(phase.coords[axis][0]) for axis in ("y", "x")]
    pixels = [np.arange(n) - size / 2 for n, size in zip(places.shape, geometry.shape)]
    at = [o + p * pixel for o, p, pixel in zip(places.origin, pixels, geometry.pixel)]
    steps = [(g[1] - g[0]) if len(g) > 1 else 1.0 for g in grid]
    where = np.meshgrid(*((a - g[0]) / s for a, g, s in zip(at, grid, steps)), indexing="ij")
    own = (map_coordinates(a, where, order=1, mode="nearest") for a in (transmission, phase.values))
    level, turn = own
    return (np.sqrt(level) * np.exp(1j * turn)).astype(np.complex64)


def _fit(old, move, shape):
    """An object at `move` pixels in a new array of ones"""
    new = np.ones(shape, np.complex64)
    to = [slice(max(0, m), min(n, m + s)) for m, n, s in zip(move, shape, old.shape)]
    new[tuple(to)] = old[tuple(slice(t.start - m, t.stop - m) for t, m in zip(to, move))]
    return new


def _file(name, what):
    if not name:
        raise JobError(f"{what}.start: file needs {what}.file: a run folder or a result.h5")
    return name


def same_pixel(old, new, file, nearly: float = NEARLY):
    """An earlier result fits when its object pixel is the same to a part of it. Errors: DataError."""
    if np.abs(np.ravel(old) / np.ravel(new) - 1).max() > nearly:
        raise DataError(
            f"{file}: its object pixel is {old[0]:.5g} x {old[1]:.5g} m, here {new[0]:.5g} x {new[1]:.5g} m; "
            "start from a result with the same energy, distance, size and rebinning"
        )


def start_probe(how: StartProbe, run, p, geometry) -> np.ndarray:
    """(modes, h, w) complex with the photons of the data, equal on all ranks. Errors: DataError, JobError."""
    kind = probe_kind(how, run.data["data"])
    if kind == "data":
        from nanompi.methods.ptycho.find_probe import find_probe
        from nanompi.methods.ptycho.find_width import find_width

        P = (find_width if p.refinement else find_probe)(run, p, geometry)
    else:
        P = run.team.array_on_root(lambda: _known_probe(kind, how, run, geometry))
    return P * np.sqrt(p.counts / p.frames / seen(p, P))


def probe_kind(how: StartProbe, scan) -> str:
    """Where the probe comes from, with `auto` resolved; "data" is a guess."""
    if how.start != "auto":
        return how.start
    return "file" if how.file else "input" if scan.probe is not None else "data"


def _known_probe(kind, how, run, geometry):
    scan = run.data["data"]
    if kind == "input":
        if scan.probe is None:
            raise DataError(f"probe.start: input, but {scan.file or 'the input'} holds no probe; use data")
        return same_shape(scan.probe, geometry.shape, "the probe of the input")
    if kind == "aperture":
        return lens_probe(how, geometry)[None]
    from nanompi.methods.ptycho.wave import on_grid, read_wave

    wave = read_wave(_file(how.file, "probe"), "probe", how.path, how.pixel)
    if is_result(how.file) and how.pixel is None:  # far off it is of another distance or window
        same_pixel(wave.pixel, geometry.pixel, how.file, CLOSE)
    instead = " (it replaces that of the input)" if scan.probe is not None else ""
    run.say(f"probe from {wave.where}: {_resampled(wave, geometry)}{instead}")
    if wave.pixel is not None and np.abs(wave.pixel / geometry.pixel - 1).max() <= NEARLY:
        return same_shape(wave.data, geometry.shape, wave.where)
    return on_grid(wave, geometry.pixel, geometry.shape)


def _resampled(wave, geometry) -> str:
    """What is done to a wave of a file, in words."""
    modes, h, w = wave.data.shape
    said = f"{modes} x {h} x {w}" if modes > 1 else f"{h} x {w}"
    if wave.pixel is None:
        return said
    old, new = (
        " x ".join(dict.fromkeys(show(float(v), "m") for v in p)) for p in (wave.pixel, geometry.pixel)
    )
    if np.abs(wave.pixel / geometry.pixel - 1).max() <= NEARLY:
        return f"{said} pixels of {old}"
    return f"{said} pixels of {old}, resampled to {new}"


def check_start(probe: StartProbe, object: StartObject, scan):
    """What can be said of both before there are frames. Errors: DataError, JobError."""
    for what, how in (("probe", probe), ("object", object)):
        if how.start == "input" and getattr(scan, what) is None:
            raise DataError(f"{what}.start: input, but {scan.file or 'the input'} holds no {what}")
        if how.start == "file" or (what == "probe" and probe_kind(how, scan) == "file"):
            from nanompi.methods.ptycho.wave import known_pixel, read_wave

            known_pixel(read_wave(_file(how.file, what), what, how.path, how.pixel))
    if probe.start == "aperture" and not (probe.aperture and probe.focal):
        raise JobError(NO_LENS)


def same_shape(P, shape, what):
    """The probe, cropped or padded with zeros about its centre to the shape of a frame."""
    P = np.asarray(P, np.complex64)
    P = P.reshape(-1, *P.shape[-2:])
    out = np.zeros((len(P), *shape), np.complex64)
    cut = [(min(a, b), (a - min(a, b)) // 2, (b - min(a, b)) // 2) for a, b in zip(P.shape[1:], shape)]
    (ny, ay, by), (nx, ax, bx) = cut
    out[:, by : by + ny, bx : bx + nx] = P[:, ay : ay + ny, ax : ax + nx]
    if not np.abs(out).max() > 0:
        raise DataError(f"{what}: the probe is zero everywhere")
    return out


def lens_probe(how: StartProbe, geometry) -> np.ndarray:
    """Probe of a round lens with central stop: its pupil brought to the sample by one transform, with
    defocus.

    pupil(q) = 1 for stop/2 < lambda f |q| < aperture/2, times exp(-i pi lambda defocus q^2); (h, w) complex
    """
    if not (how.aperture and how.focal):
        raise JobError(NO_LENS)
    h, w = geometry.shape
    qy, qx = (np.fft.fftfreq(n, d) for n, d in zip((h, w), geometry.pixel))
    q2 = qy[:, None] ** 2 + qx**2
    r = geometry.wavelength * how.focal * np.sqrt(q2)
    pupil = (r <= how.aperture / 2) & (r >= how.stop / 2)
    if not pupil.any() or pupil.all():
        raise JobError(
            f"probe: a lens of {how.aperture:.3g} m with focal length {how.focal:.3g} m covers "
            f"{'all' if pupil.all() else 'none'} of the detector; check aperture and focal length"
        )
    wave = pupil * np.exp(-1j * np.pi * geometry.wavelength * how.defocus * q2)
    return np.fft.fftshift(np.fft.ifft2(wave)).astype(np.complex64)
