"""Pictures of signals: their size, their labels, their orientation, their limits, what is masked in them."""

import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from nanompi.report import figures
from nanompi.report.figures import header, picture, previews, save, sheet
from nanompi.report.sheet import SHEET
from nanompi.run.result import Marks, Result, Signal
from nanompi.units import EV

UM = "um"


def decoded(path) -> np.ndarray:
    """(h, w, 3) uint8"""
    return np.asarray(Image.open(path).convert("RGB"))


def words(figure, tmp_path) -> list[str]:
    """All texts of a picture, as SVG has them."""
    save(figure, tmp_path / "words.svg")
    return re.findall(r"<text[^>]*>([^<]*)</text>", (tmp_path / "words.svg").read_text())


def along(shape, step=1e-6, unit="m") -> dict:
    """Axes of an image."""
    return {name: (np.arange(n) * step, unit) for name, n in zip("yx", shape)}


def drawn(figure):
    """The image of the first axes."""
    return figure.axes[0].images[0]


@pytest.mark.slow
def test_a_result_gives_pictures_of_at_least_400_px(tmp_path, star, star_result):
    result = star_result(star.truth)
    written = previews(result, tmp_path / "previews")
    names = ["phase.png", "amplitude.png", "probe.png", "history.png", "overview.png"]
    assert [p.name for p in written] == names
    for path in written:
        assert min(decoded(path).shape[:2]) >= 400 and len(np.unique(decoded(path))) > 20
    assert sorted(p.name for p in (tmp_path / "previews").iterdir()) == sorted(names)
    one, every = decoded(written[0]), decoded(written[-1])
    top = figures._top() * bool(figures.header({"date": "now"}))
    h, w = one.shape[0] - top, one.shape[1]
    assert np.array_equal(every[top : top + h, :w], one[top:])  # on the sheet as it was drawn
    save(sheet(figures.shown(result)), tmp_path / "overview.svg")
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", (tmp_path / "overview.svg").read_text())
    assert {"phase of the object", "amplitude of the object", "R-factor", "x [µm]", "rad"} <= set(texts)


def test_the_first_row_is_on_top_and_the_axes_say_where(tmp_path):
    """A bright corner at row 1, column 7, of 4 x 9 pixels of 2 µm"""
    data = np.zeros((4, 9), np.float32)
    data[1, 7] = 1
    figure = picture(Signal(data, along((4, 9), 2e-6), "", "corner", "image"))
    assert drawn(figure).get_extent() == pytest.approx((-1, 17, 7, -1)) and drawn(figure).origin == "upper"
    save(figure, tmp_path / "a.png")
    image = decoded(tmp_path / "a.png").astype(int)
    box = figure.axes[0].get_position()
    h, w = image.shape[:2]
    x = round(w * (box.x0 + box.width * 7.5 / 9))
    y = round(h * (1 - box.y1 + box.height * 1.5 / 4))
    other = round(h * (1 - box.y1 + box.height * 2.5 / 4))
    assert image[y, x].min() > 200 and image[other, x].max() < 60
    assert {"x [µm]", "y [µm]", "corner"} <= set(words(figure, tmp_path))


def test_axes_that_fall_are_shown_as_they_fall():
    falling = {"y": (np.array([3.0, 2, 1]), UM), "x": (np.array([5.0, 4]), UM)}
    figure = picture(Signal(np.eye(3, 2), falling, "", "", "image"))
    assert drawn(figure).get_extent() == pytest.approx((5.5, 3.5, 0.5, 3.5))


def test_a_hot_pixel_and_what_is_hardly_seen_set_no_limits():
    data = np.linspace(0, 1, 10000).reshape(100, 100).astype(np.float32)
    seen = np.ones((100, 100))
    data[5, 5], data[90:, :], seen[90:] = 1e6, -1e6, 0.2
    figure = picture(Signal(data, along((100, 100)), "", "", "image", seen, 1.0))
    low, high = drawn(figure).get_clim()
    assert low == pytest.approx(0.005 * 0.9, rel=0.1) and high == pytest.approx(0.995 * 0.9, rel=0.01)
    assert figure.axes[1].get_ylim() == pytest.approx((low, high))
    assert figure.axes[0].images[0].colorbar.extend == "both"  # pointed ends: there is more


def test_what_was_not_seen_is_transparent_on_gray(tmp_path):
    data = np.tile(np.linspace(0, 1, 40, dtype=np.float32), (40, 1))
    seen = np.ones((40, 40))
    seen[:, 20:] = 0
    figure = picture(Signal(data, along((40, 40)), "", "", "image", seen, 1.0))
    assert drawn(figure).get_array().mask[:, 20:].all() and not drawn(figure).get_array().mask[:, :20].any()
    save(figure, tmp_path / "a.png")
    box, image = figure.axes[0].get_position(), decoded(tmp_path / "a.png")
    h, w = image.shape[:2]
    right = image[round(h * (1 - box.y1)) + 5, round(w * (box.x0 + 0.75 * box.width))]
    assert right.tolist() == pytest.approx([209, 212, 214], abs=2)


def test_a_phase_that_goes_around_gets_colours_that_do(tmp_path):
    y, x = np.mgrid[-3:3:200j, -3:3:200j]
    wrapped = np.angle(np.exp(1j * (2 * x * x + 1.5 * y * y)))
    figure = picture(Signal(wrapped, along((200, 200)), "rad", "phase", "angle"))
    assert drawn(figure).get_cmap().name == "twilight" and drawn(figure).get_clim() == (-np.pi, np.pi)
    assert {"−π", "π"} <= set(words(figure, tmp_path))
    figure = picture(Signal(0.3 * wrapped, along((200, 200)), "rad", "phase", "angle"))
    assert drawn(figure).get_cmap().name == "gray" and drawn(figure).get_clim()[1] < 1


def test_a_map_has_its_colours_in_a_bar_and_its_gaps_gray(tmp_path):
    """What was not measured is no dark point, and takes none of its neighbours with it"""
    values = np.linspace(0, 10, 48).reshape(6, 8)
    values[2, 3] = np.nan
    figure = picture(Signal(values, along((6, 8)), "counts", "Fe K", "map"))
    assert np.argwhere(drawn(figure).get_array().mask).tolist() == [[2, 3]]
    assert {"Fe K", "counts"} <= set(words(figure, tmp_path))


def test_numbers_of_a_colour_bar_are_whole_numbers(tmp_path):
    """Edges of iron differ by 2 eV: 7111.5, and not 7.11e+03, nor 1.5 with 7110 elsewhere"""
    edge = np.linspace(7110.5, 7112.5, 100).reshape(10, 10)
    texts = words(picture(Signal(edge, along((10, 10)), "eV", "edge", "map")), tmp_path)
    assert {"7111.0", "7112.0", "eV"} <= set(texts) and not [
        t for t in texts if "e+" in t or t.startswith("+")
    ]
    texts = words(picture(Signal(edge * 1e4, along((10, 10)), "counts", "Fe", "map")), tmp_path)
    assert "×10⁷" in texts


def test_zeros_of_a_frame_are_dark_and_masked_pixels_gray(tmp_path):
    data = np.full((60, 60), 100.0)
    data[:30], data[:, :10], data[40, 40], data[50, 30:40] = 0, np.nan, 1e9, 1e5  # one stray, and light
    signal = Signal(data, {}, "counts", "mean frame", "frame")
    signal.marks = Marks(centre=(30, 30), rings=((20.0, "3.1 Å"),))
    figure = picture(signal)
    values = drawn(figure).get_array()
    assert values.mask[:, :10].all() and not values.mask[:, 10:].any()
    assert values[:30, 10:].max() == 100 and drawn(figure).get_clim() == pytest.approx((100, 1e5), rel=0.01)
    assert figure.axes[0].patches[-1].radius == 20 and "3.1 Å" in words(figure, tmp_path)


def test_modes_show_their_power_and_width(tmp_path):
    """A Gaussian whose intensity has a width of 8 px, of 0.1 µm each, and a second mode of a quarter"""
    y, x = np.mgrid[-32:32, -32:32]
    size = np.exp(-(x**2 + y**2) / (4 * (8 / 2.3548) ** 2))
    fields = np.stack([size, 0.5 * size * np.exp(1j * x)])
    window = {"mode": (np.arange(2), ""), **along((64, 64), 1e-7)}
    texts = words(picture(Signal(fields, window, "", "probe modes", "modes")), tmp_path)
    assert {"mode 1: 80.0 %", "mode 2: 20.0 %", "π/2"} <= set(texts)
    widths = re.search(r"FWHM ([\d.]+) × ([\d.]+) nm", next(t for t in texts if "FWHM" in t))
    assert [float(v) for v in widths.groups()] == pytest.approx([800, 800], rel=0.02)


def test_curves_have_names_engines_and_an_aim(tmp_path):
    x = np.arange(1, 101.0)
    marks = Marks(("llk", "held out"), "deviance / expectation", ((1, "DM"), (51, "ML")), aim=1.0)
    both = np.stack([1 + 90 * np.exp(-x / 9), np.where(x % 10, np.nan, 2)])
    signal = Signal(both, {"iteration": (x, "")}, "", "convergence", "curve", marks=marks)
    figure = picture(signal)
    ax = figure.axes[0]
    assert ax.get_yscale() == "log" and [len(line.get_xdata()) for line in ax.lines[:2]] == [100, 10]
    assert [line.get_ydata()[0] for line in ax.lines if line.get_gid() == "aim"] == [1.0]
    wanted = {"llk", "held out", "DM", "ML", "iteration", "deviance / expectation"}
    assert wanted <= set(words(figure, tmp_path))
    signal = Signal(1 + x / 100, {"frequency": (x * 1e4, "1/m")}, "", "", "curve")
    assert picture(signal).axes[0].get_yscale() == "linear" and "frequency [1/µm]" in words(
        picture(signal), tmp_path
    )


def test_a_spectrum_has_its_residual_in_sigma(tmp_path):
    energy, fit = np.linspace(1, 10, 200), np.full(200, 100.0)
    three = np.stack([fit + 20, fit, fit / 2])
    names = Marks(("measured", "fit", "Fe K"))
    signal = Signal(three, {"energy": (energy, "keV")}, "counts", "sum", "spectrum", marks=names)
    figure = picture(signal)
    assert figure.axes[0].get_yscale() == "log" and np.allclose(figure.axes[1].lines[0].get_ydata(), 2)
    assert {"Fe K", "energy [keV]", "residual / σ"} <= set(words(figure, tmp_path))
    signal.unit = ""
    figure = picture(signal)
    assert figure.axes[0].get_yscale() == "linear" and np.allclose(figure.axes[1].lines[0].get_ydata(), 20)


def test_positions_lie_as_on_the_sample_and_have_the_colours_of_their_counts(tmp_path):
    where = np.array([[0, 0], [0, 4e-6], [3e-6, 0]])
    marks = Marks(label="counts of a frame", values=np.array([1.0, 2, 30]))
    figure = picture(Signal(where, {}, "m", "positions", "positions", marks=marks))
    ax = figure.axes[0]
    assert ax.get_ylim()[0] > ax.get_ylim()[1] and ax.get_xlim()[0] < ax.get_xlim()[1]
    assert np.asarray(ax.collections[0].get_offsets()) == pytest.approx(np.array([[0, 0], [4, 0], [0, 3]]))
    assert {"y [µm]", "counts of a frame"} <= set(words(figure, tmp_path))


def test_arrows_lead_from_points_to_where_they_go(tmp_path):
    """One to the right, and one that goes nowhere"""
    where, way = np.array([[0.0, 0.0], [3e-6, 3e-6]]), np.array([[0.0, 1e-8], [0.0, 0.0]])
    figure = picture(Signal(np.stack([where, way], 1), {}, "m", "moved", "arrows"))
    arrows = figure.axes[0].collections[0]
    assert arrows.U == pytest.approx([0.2, 0]) and arrows.V == pytest.approx([0, 0])
    assert "moved, drawn 20 times as long: 5 nm rms along each axis" in words(figure, tmp_path)


THIN = [(40, 600), (2000, 40), (3, 900), (1, 1), (1, 700), (57000, 60)]


@pytest.mark.filterwarnings("error")
def test_long_and_thin_images_are_drawn(tmp_path):
    """A line scan, one frame, one position far off"""
    values = np.random.default_rng(2).normal(size=57000 * 60).astype(np.float32)
    thin = {str(s): Signal(values[: np.prod(s)].reshape(s), along(s), "rad", "", "angle") for s in THIN}
    save(sheet(thin), tmp_path / "thin.png")
    assert len(np.unique(decoded(tmp_path / "thin.png"))) > 20
    boxes = [ax.get_position() for ax in sheet(thin).axes[::2]]
    assert all(b.width > 0.02 and b.height > 0.02 for b in boxes)


def test_two_angles_are_no_plane():
    """A cake of 360 deg by 15 fills its picture"""
    axes = {"azimuth": (np.arange(-165.0, 180, 30), "deg"), "radial": (np.linspace(0, 15, 300), "deg")}
    box = (
        picture(Signal(np.ones((12, 300), np.float32), axes, "counts", "cake", "frame"))
        .axes[0]
        .get_position()
    )
    assert box.width > 0.6


@pytest.mark.filterwarnings("error")
def test_what_is_odd_is_drawn_too(tmp_path):
    """No axes, no numbers, one value, names as an axis, letters of mathematics in a name"""
    odd = {
        "bare": Signal(np.zeros((5, 90), np.float32), show="angle"),
        "nothing": Signal(np.full((4, 4), np.nan), show="image"),
        "classes": Signal(np.arange(6, dtype=np.int32).reshape(2, 3), show="map"),
        "named": Signal(np.eye(2), {"line": (["Fe", "Cu"], ""), "x": (np.arange(2.0), "m")}, show="image"),
        "curve": Signal(np.array([np.nan, 1.0]), title="$x_{ $ é", show="curve"),
        "gap": Signal(np.full(3, np.nan), show="curve"),
        "dark": Signal(np.zeros((1, 8, 8), complex), show="modes"),
        "frame": Signal(np.zeros((6, 6)), show="frame"),
        "one": Signal(np.zeros((1, 2)), {}, "m", show="positions"),
        "still": Signal(np.zeros((2, 2, 2)), {}, "m", show="arrows"),
        "flat": Signal(np.zeros((2, 9)), {}, "counts", show="spectrum"),
    }
    lines = []
    written = previews(Result("bare", odd), tmp_path, lines.append)
    assert lines == [] and [p.stem for p in written] == [*odd, "overview"]
    assert previews(Result("x", {"x": Signal(np.ones(3), show="")}), tmp_path / "none") == []


def test_a_picture_that_fails_is_told_and_the_others_are_made(tmp_path):
    bad = Signal(np.zeros((2, 3, 4), np.float32), show="angle", title="phase")
    lines, good = [], Signal(np.arange(9.0), show="curve")
    written = previews(Result("a", {"a": bad, "b": good}), tmp_path, lines.append)
    assert [p.name for p in written] == ["b.png", "overview.png"]
    assert len(lines) == 1 and lines[0].startswith("there is no a.png (")
    (tmp_path / "file").touch()
    assert previews(Result("b", {"b": good}), tmp_path / "file" / "previews", lines.append) == []
    assert len(lines) == 2 and "the result is not touched" in lines[1]


def test_without_matplotlib_one_warning_is_told(tmp_path, monkeypatch):
    monkeypatch.delattr("nanompi.report.paper")
    monkeypatch.setitem(sys.modules, "nanompi.report.paper", None)
    lines, images = [], {name: Signal(np.eye(4), show="image") for name in "abc"}
    assert previews(Result(signals=images), tmp_path / "none", lines.append) == []
    assert len(lines) == 1 and lines[0].startswith("there is no picture (")
    assert previews(Result(), tmp_path / "none", lines.append) == [] and len(lines) == 1


def test_names_beside_a_spectrum_and_units_are_whole():
    """No legend reaches beyond the picture, no title breaks between an element and its line"""
    ys, names = np.ones((4, 50)), ("counts", "fit", "Fe_K", "scatter, background")
    title = "sum of all spectra of detector 0 and its fit; others: Mg K, P K, Na K, Zn K, K K"
    signal = Signal(ys, {}, "counts", title.replace(" K", "\u00a0K"), "spectrum", marks=Marks(names))
    figure = picture(signal)
    figure.canvas.draw()
    (legend,) = [ax.get_legend() for ax in figure.axes if ax.get_legend()]
    assert legend.get_window_extent().x1 <= figure.bbox.x1
    assert all("\nK" not in text.get_text() for text in figure.texts)
    areal = picture(Signal(np.eye(3), {}, "ug/cm2", show="map"))
    assert areal.axes[1].get_ylabel() == "µg/cm²"


def test_many_maps_stand_in_a_sheet_that_is_about_square():
    maps = {f"m{k}": Signal(np.full((9, 9), float(k)), show="map") for k in range(20)}
    w, h = sheet(maps).get_size_inches()
    assert 0.6 < h / w < 1.4


PEAK_OF_PICTURES = """
import sys
from pathlib import Path
import numpy as np
from nanompi.report.figures import previews
from nanompi.run.metrics import peak_memory
from nanompi.run.result import Result, Signal

def drawn(n):
    maps = {f"m{k}": Signal(np.eye(11) * k, show="map") for k in range(n)}
    previews(Result("map", maps), Path(sys.argv[1]))
    return peak_memory()

print(drawn(1), drawn(24))
"""


@pytest.mark.slow
def test_many_pictures_take_as_much_memory_as_one_and_their_sheet(tmp_path):
    """A sheet has at most 8 million pixels of 3 bytes, 24 MB, and is made when the figures are gone: 3 MB
    more than for one picture are seen. Garbage of figures and small copies of 48 took 65 MB more"""
    own = [sys.executable, "-c", PEAK_OF_PICTURES, str(tmp_path)]
    one, many = map(int, subprocess.run(own, capture_output=True, text=True, check=True).stdout.split())
    assert many - one < 25e6
    w, h = Image.open(tmp_path / "overview.png").size
    assert w * h < 1.1 * SHEET and 0.6 < h / w < 1.4


def test_a_large_image_is_averaged_for_its_picture():
    data = np.random.default_rng(0).normal(size=(4000, 300)).astype(np.float32)
    shown = drawn(picture(Signal(data, along(data.shape), "", "", "image"))).get_array()
    assert shown.shape == (1334, 300) and np.allclose(shown[7], data[21:24].mean(0), atol=1e-5)


def test_the_header_says_job_scan_date_pixel_energy_and_verdict():
    notes = {
        "job": {"name": "star", "input": {"file": "/data/scan-7.cxi"}},
        "geometry": {"object_pixel": [1.1e-8, 1.2e-8], "energy": 8000 * EV},
        "date": "2026-11-27T01:02:03+01:00",
        "verdict": {"grade": "good"},
    }
    parts = header(notes).split("  ·  ")
    assert parts == ["star", "scan-7.cxi", "2026-11-27 01:02", "pixel 11 nm × 12 nm", "8 keV", "result: good"]
    assert header({}) == "" and header({"job": "name: text", "geometry": {"energy": float("nan")}}) == ""


def test_pdf_and_png_and_nothing_else_is_left_behind(tmp_path):
    figure = picture(Signal(np.eye(4), show="image"), "a header")
    save(figure, tmp_path / "a.pdf")
    save(figure, tmp_path / "a.png")
    assert (tmp_path / "a.pdf").read_bytes()[:5] == b"%PDF-" and "a header" in words(figure, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.pdf", "a.png", "words.svg"]


def test_matplotlib_is_loaded_by_the_first_picture_alone(tmp_path):
    """Neither by the import of what makes pictures, nor with the settings of the user"""
    from nanompi.mpi.children import python

    lines = (
        "import os, sys, numpy; os.environ.pop('MPLCONFIGDIR', None); import nanompi.cli.run",
        "from nanompi.report.figures import picture; from nanompi.run.result import Signal",
        "import nanompi.report.contact; print('matplotlib' in sys.modules)",
        "picture(Signal(numpy.eye(3), show='image')); print('matplotlib.pyplot' in sys.modules)",
        "print(os.environ['MPLCONFIGDIR'])",
    )
    import subprocess

    out = subprocess.run([*python(), "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert out.stdout.split()[:2] == ["False", "False"] and out.stdout.split()[2].endswith(
        "nanompi/matplotlib"
    )
    assert figures.KINDS.keys() >= {"image", "map", "angle", "modes", "curve", "arrows"}
