"""report.html in a real browser, opened as a file: values, zoom, renewal, hostile names, access."""

import re
import time

import h5py
import numpy as np
import pytest

from nanompi.cli import main
from nanompi.report import report
from nanompi.report.report import write
from nanompi.run import status
from nanompi.run.result import Result, Signal
from nanompi.run.writers import nexus
from tests.browser import SCHEMES, SEEN, page
from tests.report.test_report import HOSTILE, folder  # noqa: F401

pytestmark = pytest.mark.slow
STAR = """nanompi: 1
name: star
input: {simulate: {frames: 60, size: 64, photons: 1e5, modes: 2}}
steps: [{use: ptycho, probe: {modes: 2}, engines: DM*6 ML*4}]
"""
SLICES = """nanompi: 1
name: slices
input: {format: tomo.simulate, simulate: {angles: 40, size: 48, rows: 4}}
steps: [tomo.flat, tomo]
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs of ptychography, a tomography, one that fails"""
    top = tmp_path_factory.mktemp("runs")
    for name, text in {"star": STAR, "slices": SLICES}.items():
        (top / f"{name}.yaml").write_text(text)
    bad = "def bad(block, info):\n    raise ValueError('no <b>sense</b>')\nbad.takes = 'frames'\n"
    (top / "bad.py").write_text(bad)
    (top / "bad.yaml").write_text(
        STAR.replace("star", "bad").replace("[{use", f"[{{python: {top}/bad.py:bad}}, {{use")
    )
    own = ["--out", str(top / "runs"), "--quiet"]
    codes = [main(["run", str(top / f"{name}.yaml"), *own]) for name in ("star", "slices", "bad")]
    codes.append(main(["run", str(top / "star.yaml"), *own, "--set", "steps.ptycho.engines=ML*8"]))
    assert codes == [0, 0, 6, 0]
    return top / "runs"


def opened(seen, path):
    seen.page.goto(path.resolve().as_uri())
    seen.page.wait_for_selector("body.ready")
    return seen.page


@pytest.mark.parametrize("width, scheme", SEEN)
def test_reports_of_real_runs_are_in_order_at_both_widths_and_in_both_colours(
    browser, runs, width, scheme, tmp_path
):
    both = tmp_path / "compare.html"
    assert main(["report", *(str(runs / "star" / f"run-000{k}") for k in (1, 2)), "--out", str(both)]) == 0
    paths = [*(runs / name / "run-0001" / "report.html" for name in ("star", "slices", "bad")), both]
    for path in paths:
        with page(browser, width, scheme) as seen:
            opened(seen, path)
            assert (seen.said, seen.asked) == ([], [path.resolve().as_uri()])
            assert seen.faults_of_access(SCHEMES) == [] and not seen.too_wide(), path


def test_a_report_says_what_the_run_was(browser, runs):
    with page(browser) as seen:
        text = opened(seen, runs / "star/run-0001/report.html").inner_text("body")
        for words in (
            "star run-0001",
            "done",
            "The result is",
            "8 keV",
            "probe.modes",
            "DM*6 ML*4",
            "iterate",
            "R-factor",
        ):
            assert words in text, words
        assert (
            seen.page.locator("canvas.image").count() >= 4 and seen.page.locator("#history svg").count() == 3
        )
    with page(browser) as seen:
        text = opened(seen, runs / "bad/run-0001/report.html").inner_text("body")
        assert (
            "failed" in text
            and "ValueError: no <b>sense</b>" in text
            and "There is no image of this run" in text
        )


def test_every_value_of_an_image_is_that_of_the_file_within_one_of_65535_steps(browser, runs):
    run = runs / "star/run-0001"
    with h5py.File(run / "result.h5") as file:
        want = file["entry_1/phase/data"][()]
    with page(browser) as seen:
        opened(seen, run / "report.html")
        read = "async n => { const one = page.images.find(i => i.name === n); "
        read += "const got = await pixels(one.src, one.range); "
        read += "return [one.range, got.shape, Array.from(got.values, v => v === v ? v : null)]; }"
        (low, high), shape, values = seen.page.evaluate(read, "phase")
    got = np.array([np.nan if v is None else v for v in values]).reshape(shape)
    known = np.isfinite(got)
    assert got.shape == want.shape and 0.3 < known.mean() < 1
    assert np.abs(got - want)[known].max() <= (high - low) / 65535


def test_the_value_under_the_cursor_is_that_of_the_file(browser, runs):
    """By the keys from the middle, and by the mouse at a place of the canvas"""
    run = runs / "star/run-0001"
    with h5py.File(run / "result.h5") as file:
        want = file["entry_1/phase/data"][()]
    h, w = want.shape
    step = np.ptp(want) / 65535
    with page(browser) as seen:
        canvas = opened(seen, run / "report.html").locator("canvas.image").first
        figure = seen.page.locator("figure").first
        canvas.focus()
        for key in ("ArrowRight", "Shift+ArrowRight", "ArrowUp"):
            seen.page.keyboard.press(key)
        value = float(re.search(r": (\S+) rad", figure.locator("output").inner_text())[1])
        assert abs(value - want[h // 2 - 1, w // 2 + 11]) <= step
        box = canvas.bounding_box()
        scale = min(box["width"] / w, box["height"] / h)
        left, top = (box["width"] - w * scale) / 2, (box["height"] - h * scale) / 2
        column, row = w // 3, h // 3
        seen.page.mouse.move(box["x"] + left + (column + 0.5) * scale, box["y"] + top + (row + 0.5) * scale)
        value = float(re.search(r": (\S+) rad", figure.locator("output").inner_text())[1])
        assert abs(value - want[row, column]) <= step
        other = seen.page.locator("figure").nth(1).locator("output").inner_text()
        assert other.partition(":")[0] == figure.locator("output").inner_text().partition(":")[0]


def test_values_along_a_line_are_those_of_the_file(browser, runs):
    """Drawn by the mouse, moved by the keys; the distance is that of pixels, in the unit of the image"""
    run = runs / "star/run-0001"
    with h5py.File(run / "result.h5") as file:
        want, pixel = file["entry_1/phase/data"][()], np.diff(file["entry_1/phase/x"][:2])[0]  # µm
    h, w = want.shape
    (row, first), last = (h // 2, w // 3), w // 2
    with page(browser) as seen:
        canvas = opened(seen, run / "report.html").locator("canvas.image").first
        figure, profile = seen.page.locator("#images > figure").first, seen.page.locator(".profile svg").first
        assert seen.page.locator(".profile svg").count() == 0
        figure.get_by_role("button", name="values along a line").click()
        box = canvas.bounding_box()
        scale = min(box["width"] / w, box["height"] / h)
        left, top = (box[k] + (box[n] - m * scale) / 2 for k, n, m in (("x", "width", w), ("y", "height", h)))
        seen.page.mouse.move(left + (first + 0.5) * scale, top + (row + 0.5) * scale)
        seen.page.mouse.down()
        seen.page.mouse.move(left + (last + 0.5) * scale, top + (row + 9.5) * scale)
        seen.page.mouse.up()
        seen.page.keyboard.press("Tab")
        canvas.focus()
        for _ in range(9):
            seen.page.keyboard.press("ArrowUp")
        step = np.ptp(want[np.isfinite(want)]) / 65535
        for at, column in ((0.0, first), (1.0, last)):
            value, distance = told_at(seen.page, profile, at)
            assert abs(value - want[row, column]) <= step + 1e-5 * abs(value)
            assert distance == pytest.approx((column - first) * pixel, rel=1e-4)
        assert "distance, µm" in profile.text_content() and seen.faults_of_access() == []
        canvas.press("Enter")
        canvas.press("Shift+ArrowLeft")
        assert told_at(seen.page, profile, 1.0)[1] == pytest.approx(10 * pixel, rel=1e-4)
        seen.page.reload()
        seen.page.wait_for_selector(".profile svg >> nth=1")  # of phase and amplitude: they are one group
        canvas.press("l")
        assert seen.page.locator(".profile svg").count() == 0 and seen.said == []


def test_a_line_over_what_is_not_known_has_a_gap(browser, folder):  # noqa: F811
    image = np.arange(25.0).reshape(5, 5)
    image[:, 2] = np.nan
    nexus.write(Result("a", {"a": Signal(image, {}, "", "a", "image")}), folder / "result.h5")
    with page(browser) as seen:
        canvas = opened(seen, write(folder)).locator("canvas.image").first
        canvas.press("l")
        drawn = seen.page.locator(".profile path.line").first.get_attribute("d")
        assert (drawn.count("M"), drawn.count("L")) == (2, 2)
        assert "distance, px" in seen.page.locator(".profile svg").text_content() and seen.said == []


def told_at(page, picture, part: float) -> tuple[float, float]:
    """(value, place) that a curve tells at a part of its width, 0 to 1"""
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    x = (52 + part * (420 - 52 - 10)) / 420  # W, L and R of curves.js
    page.mouse.move(box["x"] + x * box["width"], box["y"] + box["height"] / 2)
    words = page.locator(".profile output").first.inner_text()
    return tuple(float(v) for v in re.search(r"(\S+) at (\S+)$", words).groups())


def test_zoom_limits_and_colours_are_those_of_before_after_a_reload(browser, runs):
    with page(browser) as seen:
        opened(seen, runs / "star/run-0001/report.html")
        canvas = seen.page.locator("canvas.image").first
        whole = canvas.screenshot()
        canvas.hover()
        seen.page.mouse.wheel(0, -300)
        seen.page.locator("figure").first.get_by_role("button", name="larger").click()
        seen.page.get_by_label("phase of the object: lowest colour at").fill("-0.2")
        seen.page.get_by_label("phase of the object: colours").select_option("inferno")
        seen.page.mouse.move(1, 1)
        zoomed = canvas.screenshot()
        seen.page.reload()
        seen.page.wait_for_selector("body.ready")
        assert canvas.screenshot() == zoomed != whole
        assert seen.page.get_by_label("phase of the object: lowest colour at").input_value() == "-0.2"
        canvas.focus()
        seen.page.keyboard.press("0")
        seen.page.get_by_label("phase of the object: colours").select_option("gray")
        seen.page.mouse.move(1, 1)
        assert seen.said == []


def test_a_page_of_a_run_that_goes_on_renews_itself(browser, folder, monkeypatch):  # noqa: F811
    monkeypatch.setattr(report, "PERIOD", 1)
    facts = {
        "nanompi": 1,
        "name": "star",
        "state": "iterating",
        "iterations": 9,
        "engine": "DM",
        "pid": 1,
        "host": "elsewhere",
    }
    status.write(folder, facts | {"iteration": 3})
    path = write(folder)
    with page(browser) as seen:
        opened(seen, path)
        assert "3 of 9 iterations" in seen.page.inner_text("header")
        status.write(folder, facts | {"iteration": 7})
        write(folder)
        seen.page.wait_for_selector("text=7 of 9 iterations")
        status.write(folder, facts | {"iteration": 9, "state": "done", "code": 0})
        write(folder)
        seen.page.wait_for_selector("header .state.done")
        assert seen.page.locator("#hold").count() == 0 and seen.said == []


def test_a_page_that_is_held_stays(browser, folder, monkeypatch):  # noqa: F811
    monkeypatch.setattr(report, "PERIOD", 1)
    facts = {"nanompi": 1, "name": "star", "state": "iterating", "pid": 1, "host": "elsewhere"}
    status.write(folder, facts)
    path = write(folder)
    with page(browser) as seen:
        opened(seen, path)
        seen.page.locator("#hold").click()
        asked = len(seen.asked)
        seen.page.wait_for_timeout(2500)
        assert len(seen.asked) == asked and seen.page.locator("#hold[aria-pressed=true]").count() == 1


def test_a_page_that_nobody_renews_says_since_when(browser, folder, monkeypatch):  # noqa: F811
    status.write(folder, {"nanompi": 1, "name": "star", "state": "iterating", "pid": 1, "host": "elsewhere"})
    now = time.time()
    monkeypatch.setattr(report.time, "time", lambda: now - 600)
    with page(browser) as seen:
        opened(seen, write(folder))
        assert "Nothing new since 10 min" in seen.page.inner_text("#age")


def test_names_of_anybody_are_words_and_nothing_else(browser, folder):  # noqa: F811
    signal = Signal(np.eye(4), {}, HOSTILE, HOSTILE, "image")
    steps = {HOSTILE: {"grade": HOSTILE, "words": HOSTILE, HOSTILE: 1.0}}
    notes = {"verdict": {"grade": HOSTILE, "words": HOSTILE, "paste": HOSTILE, "steps": steps}}
    notes["papers"] = [{"text": HOSTILE, "doi": "javascript:alert(3)"}]
    nexus.write(Result("a", {"a": signal}, notes=notes), folder / "result.h5")
    status.event(folder, "warning", text=HOSTILE)
    status.write(folder, {"nanompi": 1, "name": HOSTILE, "state": "failed", "message": HOSTILE, "code": 1})
    (folder / "job.yaml").write_text(HOSTILE)
    with page(browser) as seen:
        dialogs = []
        seen.page.on("dialog", lambda one: (dialogs.append(one.message), one.dismiss()))
        text = opened(seen, write(folder)).inner_text("body")
        assert text.count("alert(1)") > 3 and (dialogs, seen.said, len(seen.asked)) == ([], [], 1)
        assert seen.page.locator("main img").count() == 0
        assert all(
            a.startswith("https://doi.org/")
            for a in seen.page.locator("a").evaluate_all("all => all.map(a => a.href)")
        )


def test_a_script_that_is_not_ours_does_not_run(browser, folder):  # noqa: F811
    """Should escaping ever fail, the page's own policy stands before it"""
    path = write(folder)
    path.write_text(path.read_text().replace("<main>", "<main><script>document.title = 'mine'</script>"))
    with page(browser) as seen:
        opened(seen, path)
        assert seen.page.title() != "mine" and any("Content Security Policy" in words for words in seen.said)


def test_without_scripts_there_is_a_picture(browser, folder):  # noqa: F811
    with page(browser, java_script_enabled=False) as seen:
        seen.page.goto(write(folder).as_uri())
        assert seen.page.locator("noscript img").bounding_box()["height"] > 50
        assert len(set(seen.page.locator("noscript img").screenshot())) > 50


def test_linked_images_of_two_runs_zoom_together(browser, runs, tmp_path):
    both = tmp_path / "compare.html"
    main(["report", str(runs / "star/run-0001"), str(runs / "star/run-0002"), "--out", str(both)])
    with page(browser) as seen:
        opened(seen, both)
        images = seen.page.locator("#row0 canvas.image")
        assert images.count() == 3
        before = [images.nth(k).screenshot() for k in range(3)]
        seen.page.locator("#row0").get_by_role("button", name="larger").first.click()
        assert all(images.nth(k).screenshot() != before[k] for k in range(3))
        assert "ML*8" in seen.page.inner_text("main") and seen.page.locator("#history .line").count() >= 4
