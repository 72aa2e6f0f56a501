"""PNG files and the pictures in them."""

import struct
import zlib

import numpy as np
import pytest

from nanompi.report import draw
from nanompi.report.font import glyphs, text
from nanompi.report.png import write_png
from nanompi.report.previews import BAR, DRAW, arrows, colour_map, previews
from nanompi.run.result import Result, Signal


def decoded(path) -> np.ndarray:
    """(h, w, 1 or 3) uint8 of an 8-bit PNG with filters 0 and 2, its checksums checked."""
    data, place, body = path.read_bytes(), 8, b""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    while place < len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        chunk = data[place + 8 : place + 8 + length]
        assert struct.unpack(">I", data[place + 8 + length :][:4])[0] == zlib.crc32(kind + chunk)
        if kind == b"IHDR":
            w, h, depth, colour = struct.unpack(">IIBB", chunk[:10])
            assert depth == 8
        body += chunk if kind == b"IDAT" else b""
        place += length + 12
    channels = {0: 1, 2: 3}[colour]
    rows = np.frombuffer(zlib.decompress(body), np.uint8).reshape(h, 1 + w * channels)
    out = np.zeros((h, w * channels), np.uint8)
    for k in range(h):
        assert rows[k, 0] in (0, 2)
        out[k] = rows[k, 1:] + (out[k - 1] if rows[k, 0] == 2 and k else 0)
    return out.reshape(h, w, channels)


@pytest.mark.parametrize("shape", [(7, 5), (3, 9, 3), (1, 1)])
def test_a_png_comes_back_as_it_was(tmp_path, shape):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    write_png(tmp_path / "a.png", image)
    assert np.array_equal(decoded(tmp_path / "a.png").reshape(shape), image)
    with pytest.raises(ValueError, match="uint8"):
        write_png(tmp_path / "b.png", image.astype(float))


def test_a_result_gives_pictures_of_at_least_400_px(tmp_path, star, star_result):
    written = previews(star_result(star.truth), tmp_path / "previews")
    assert [p.name for p in written] == [
        "phase.png",
        "amplitude.png",
        "probe.png",
        "history.png",
        "overview.png",
    ]
    for path in written:
        assert max(decoded(path).shape[:2]) >= 400
    assert sorted(p.name for p in (tmp_path / "previews").iterdir()) == sorted(p.name for p in written)


def test_the_phase_picture_shows_the_phase(tmp_path, star, star_result):
    previews(star_result(star.truth), tmp_path)
    picture = decoded(tmp_path / "phase.png")[..., 0].astype(float)
    inside = picture[16 : 16 + 3 * 208, 16 : 16 + 3 * 208]  # 208 px, three times, after the margin
    block = inside.reshape(208, 3, 208, 3)[40:160, 1, 40:160, 1]
    phase = np.angle(star.truth[24:232, 24:232])[40:160, 40:160]
    assert np.corrcoef(block.ravel(), phase.ravel())[0, 1] > 0.99


def test_wild_pixels_outside_the_scanned_area_do_not_spoil_the_contrast(tmp_path, star, star_result):
    result = star_result(star.truth)
    wild = np.where(star.weight[24:232, 24:232] > 0.05 * star.weight.max(), 0, 1e6)
    result.signals["amplitude"].data = result.signals["amplitude"].data + wild.astype(np.float32)
    previews(result, tmp_path / "wild")
    previews(star_result(star.truth), tmp_path / "calm")
    a, b = (decoded(tmp_path / k / "amplitude.png")[100:500, 200:500].astype(int) for k in ("wild", "calm"))
    assert np.abs(a - b).mean() < 2


def test_a_result_without_axes_weight_or_history_is_drawn_too(tmp_path):
    bare = Result("phase", {"phase": Signal(np.zeros((5, 900), np.float32), show="angle")})
    assert [p.name for p in previews(bare, tmp_path)] == ["phase.png", "overview.png"]
    odd = {"c": Signal(np.array([np.nan, 1.0]), show="curve"), "x": Signal(np.ones(3), show="")}
    assert [p.name for p in previews(Result("c", odd), tmp_path / "odd")] == ["c.png", "overview.png"]
    assert previews(Result(), tmp_path / "none") == []


THIN = [(40, 600), (60, 1262), (2000, 40), (3, 900), (1, 1), (1, 700), (57000, 60)]


@pytest.mark.parametrize("shape", THIN, ids=lambda s: f"{s[0]}x{s[1]}")
def test_long_and_thin_images_are_drawn(tmp_path, shape):
    """A line scan, one frame, one position far off: the texts of scale bar and caption are cut, no more."""
    along = dict(zip("yx", ((np.arange(n) * 1e-6, "m") for n in shape)))
    values = np.random.default_rng(2).normal(size=shape).astype(np.float32)
    thin = {kind: Signal(values, along, "rad", kind, kind) for kind in ("angle", "image")}
    said = []
    written = previews(Result("phase", thin), tmp_path, said.append)
    assert [p.name for p in written] == ["angle.png", "image.png", "overview.png"] and said == []
    assert all(len(np.unique(decoded(p))) > 2 for p in written)


def test_a_picture_that_fails_is_told_and_the_others_are_made(tmp_path):
    bad = Signal(np.zeros((2, 3, 4), np.float32), show="angle", title="phase")
    said, good = [], Signal(np.arange(9.0), show="curve")
    assert [p.name for p in previews(Result("a", {"a": bad, "b": good}), tmp_path, said.append)] == [
        "b.png",
        "overview.png",
    ]
    assert len(said) == 1 and said[0].startswith("there is no a.png (")
    (tmp_path / "file").touch()
    assert previews(Result("b", {"b": good}), tmp_path / "file" / "previews", said.append) == []
    assert len(said) == 3 and "the result is not touched" in said[2]


def test_hue_is_phase_and_brightness_is_amplitude():
    turn = np.array([[1, np.exp(2j * np.pi / 3), np.exp(-2j * np.pi / 3), 0.5]])
    assert draw.colours(turn).tolist() == [[[255, 0, 0], [0, 255, 0], [0, 0, 255], [128, 0, 0]]]


def test_the_scale_bar_has_the_length_that_it_says():
    image = np.full((400, 400, 3), 90, np.uint8)
    draw.scale_bar(image, 4e-6)  # 10 nm a pixel: the bar is 1 um
    assert (image[400 - 20, :, 0] == 255).sum() == 100
    assert draw.nice(0.28 * 4e-6) == pytest.approx(1e-6) and draw.nice(0.99) == pytest.approx(0.5)


def test_resizing_keeps_the_mean_and_enlarges_exactly():
    image = np.random.default_rng(1).random((37, 53))
    assert draw.resized(image, (30, 31)).mean() == pytest.approx(image.mean(), rel=1e-5)
    assert draw.resized(image, (74, 106)) == pytest.approx(image.repeat(2, 0).repeat(2, 1), rel=1e-5)
    assert draw.resized(image.repeat(40, 0), (5, 53)).mean() == pytest.approx(image.mean(), rel=1e-2)


def test_a_curve_passes_through_its_points_and_wide_ranges_are_logarithmic():
    x = np.arange(11.0)
    out = draw.curve(x, x[None] ** 0 * np.nan, (300, 400))
    assert (out == draw.PAPER).all()
    out = draw.curve(x, (10.0 ** -(x / 3))[None], (300, 400))
    inked = np.argwhere((out == draw.LINE).all(-1))
    left, right = inked[inked[:, 1] < 140][:, 0].mean(), inked[inked[:, 1] > 340][:, 0].mean()
    middle = inked[np.abs(inked[:, 1] - 239) < 3][:, 0].mean()
    assert middle == pytest.approx((left + right) / 2, abs=3)  # a straight line on a logarithmic scale


def test_every_letter_has_a_picture_of_its_own():
    known = glyphs()
    wanted = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,:-+%/()[]=_?*<>| "
    assert set(wanted) <= set(known)
    assert len({g.tobytes() for g in known.values()}) == len(known)
    assert text("1 um", 2).shape == (16, 48) and np.array_equal(text("é"), text("?"))


def test_a_map_has_its_colours_in_a_bar_and_its_gaps_gray(tmp_path):
    """What was not measured is no dark point, and takes none of its neighbours with it"""
    values = np.linspace(0, 10, 48).reshape(6, 8)
    values[2, 3] = np.nan
    picture, caption = colour_map(Signal(values, unit="counts", title="Fe K", show="map"), (480, 480), True)
    assert caption == "Fe K [counts]"
    side = (480 - BAR) // 8 + (480 - BAR) % 8 // 8
    gaps = (picture[:, : 480 - BAR] == draw.NOTHING).all(-1)
    assert gaps.mean() == pytest.approx(1 / 48, rel=0.2)
    y, x = np.argwhere(gaps).mean(0)
    assert y == pytest.approx(2.5 * side, abs=4) and x == pytest.approx(3.5 * side, abs=4)
    top, bottom = picture[0, 480 - BAR + 20].astype(int), picture[-1, 480 - BAR + 20].astype(int)
    assert top.sum() > 600 and bottom.sum() < 60  # bright is much, dark is little


def test_many_maps_stand_in_a_sheet_that_is_about_square(tmp_path):
    maps = {f"m{k}": Signal(np.full((9, 9), float(k)), show="map") for k in range(20)}
    paths = previews(Result(pictures=maps), tmp_path)
    h, w = decoded(paths[-1]).shape[:2]
    assert paths[-1].name == "overview.png" and len(paths) == 21 and 0.7 < h / w < 1.5


@pytest.mark.filterwarnings("error")
def test_what_is_no_number_is_left_out_of_an_image(tmp_path):
    """The other half keeps its contrast; an image without any number is drawn, too"""
    data = np.full((40, 40), np.nan, np.float32)
    nothing = Signal(data.copy(), show="image")
    data[:, :20] = np.linspace(0, 1, 20)
    written = previews(Result(signals={"half": Signal(data, show="image"), "nothing": nothing}), tmp_path)
    assert [path.stem for path in written] == ["half", "nothing", "overview"]
    picture, _ = DRAW["image"](Signal(data, show="image"), (480, 480), True)
    left = picture[: picture.shape[0] // 2, : picture.shape[1] // 2 - 10]
    assert np.ptp(left.astype(int)) > 200


def test_arrows_lead_from_points_to_where_they_go(tmp_path):
    """one to the right, 26 px long, and one that goes nowhere"""
    where = np.array([[0.0, 0.0], [3e-6, 3e-6]])
    way = np.array([[0.0, 1e-8], [0.0, 0.0]])
    signal = Signal(np.stack([where, way], 1), {}, "m", "moved", "arrows")
    picture, caption = arrows(signal, (480, 480), True)
    blue = np.argwhere((picture == draw.LINE).all(-1))
    first = blue[blue[:, 0] < 200]
    assert abs(np.ptp(first[:, 1]) - 26) < 3 and np.ptp(first[:, 0]) < 12 and abs(first[:, 1].min() - 48) < 4
    assert caption == "moved, drawn 20 times as long: 5 nm rms along each axis"
