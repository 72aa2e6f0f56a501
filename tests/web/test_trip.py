"""A person's trip over the page in a browser: from the printed link to a report that is kept."""

import json

import h5py
import numpy as np
import pytest

from nanompi.cli import main
from tests.browser import SCHEMES, SEEN, chromium, page
from tests.patience import patience, until
from tests.report.workflow_folder import at_work, ended, sweep, thirty, with_image
from tests.web.serving import Server, result, run_folder
from tests.web.test_hostile import BAD
from tests.web.test_jobs import JOB

pytestmark = pytest.mark.slow
WAIT = 1000 * patience(60)


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


def cite(file):
    """Papers, as the note of a result has them"""
    papers = [{"text": "A. Author <b>One</b> (2009). https://doi.org/10.1/x", "doi": "10.1/x"}]
    with h5py.File(file, "a") as f:
        note = f.create_group("entry_1/process_1/papers")
        note["type"], note["data"] = "application/json", json.dumps([*papers, {"text": "B. Author (2010)."}])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    top = tmp_path_factory.mktemp("trip") / "runs"
    for name in ("good/run-0001", "good/run-0002"):
        result(run_folder(top, name), (48, 64))
        cite(top / name / "result.h5")
        (top / name / "job.resolved.yaml").write_text(JOB.replace("DM*3", f"DM*{name[-1]}"))
    run_folder(top, f"{BAD}/run-0001", message=BAD)
    thirty(top / "tooth/workflow-0001", 0.95)
    swept = sweep(top / "swept/sweep-0001", 0.5, 0.7)
    ended(swept / "0000-alpha=0.5")
    with_image(at_work(swept / "0001-alpha=0.7", llk=1.25))
    with Server(top, ("--port", "0", "--jobs")) as server:
        server.base = f"http://localhost:{server.port}/"
        yield server


def enter(site, seen):
    """Come in by the link that was printed"""
    seen.page.set_default_timeout(WAIT)
    seen.page.goto(f"{site.base}#token={site.token()}")
    seen.page.wait_for_selector("td a")
    assert "token" not in seen.page.url


def is_calm(site, seen):
    """Nothing on the console, no request elsewhere, no fault of access, nothing too wide"""
    assert seen.said == []
    assert [one for one in seen.asked if not one.startswith((site.base, f"blob:{site.base}"))] == []
    assert seen.faults_of_access(SCHEMES) == [] and not seen.too_wide()


@pytest.mark.parametrize("width, scheme", SEEN)
def test_every_page_is_calm(site, browser, width, scheme):
    with page(browser, width, scheme) as seen:
        seen.page.goto(site.base)
        seen.page.wait_for_selector("#token")
        is_calm(site, seen)
        enter(site, seen)
        is_calm(site, seen)
        for way, wanted in PAGES:
            seen.page.goto(f"{site.base}#/{way}")
            seen.page.wait_for_selector(wanted)
            is_calm(site, seen)


PAGES = [
    ("run/good/run-0001", "canvas.image"),
    ("compare/good%2Frun-0001,good%2Frun-0002", "canvas >> nth=3"),
    ("workflow/tooth/workflow-0001", ".strip img >> nth=26"),
    ("workflow/swept/sweep-0001", ".strip img >> nth=1"),
    ("methods", ".list a"),
    ("methods/ML", ".manual math"),
    ("new", "p.good"),
]


def test_from_a_workflow_to_an_item_that_failed(site, browser):
    """Its stages in the list, its items as pictures, the reason of one that failed on the page of its run"""
    with page(browser) as seen:
        enter(site, seen)
        table = seen.page.inner_text("table")
        assert "27 of 30, 3 failed" in table and "it needs 95 % of ptycho: 27 of 30 are there" in table
        seen.page.click("[aria-label='fold tooth/workflow-0001']")
        assert "27 of 30" not in seen.page.inner_text("table")
        seen.page.click("td a >> text=tooth/workflow-0001")
        seen.page.wait_for_selector(".strip img >> nth=26")
        text = seen.page.inner_text("main")
        assert f"nanompi resume {site.runs}/tooth/workflow-0001" in text
        assert "scan 29 <b>is</b> empty" in text and "Not begun: it needs 95 %" in text
        assert seen.page.locator(".strip img").count() == 27
        seen.page.click("text=scan=29")
        seen.page.wait_for_selector("h1 >> text=tooth/workflow-0001/ptycho/0029-scan=29")
        assert "scan 29 <b>is</b> empty" in seen.page.inner_text(".verdict.wrong") and seen.said == []
        seen.page.click("main a >> text=tooth/workflow-0001")
        seen.page.wait_for_selector(".strip img >> nth=26")


def test_names_and_units_are_never_elements(site, browser):
    with page(browser) as seen:
        enter(site, seen)
        assert BAD in seen.page.inner_text("table")
        seen.page.goto(f"{site.base}#/run/good/run-0001")
        seen.page.wait_for_selector("canvas.image")
        assert "<script>" in seen.page.inner_text("figcaption >> nth=0")
        assert seen.page.evaluate("window.HACKED") is None and seen.said == []


def test_the_value_under_the_cursor_is_that_of_the_file(site, browser):
    with h5py.File(site.runs / "good/run-0001/result.h5") as file:
        values = file["entry_1/phase/data"][()]
    with page(browser) as seen:
        enter(site, seen)
        seen.page.goto(f"{site.base}#/run/good/run-0001")
        seen.page.wait_for_selector("canvas.image")
        canvas = seen.page.locator("canvas.image").first
        box = canvas.bounding_box()
        canvas.hover(position={"x": box["width"] * 20.5 / 64, "y": box["height"] * 10.5 / 48})
        text = seen.page.locator("output.value").first.inner_text()
        assert f"x 2 µm, y 1 µm: {float(f'{values[10, 20]:.6g}'):g}"[:21] == text[:21]
        shown = float(text.split(": ")[1].split()[0])
        assert abs(shown - values[10, 20]) <= np.ptp(values) / 65535
        seen.page.keyboard.press("Tab")
        canvas.focus()
        seen.page.keyboard.press("ArrowRight")
        assert seen.page.locator("output.value").first.inner_text().startswith("x 2.1 µm")
        canvas.press("l")
        for _ in range(11):  # of 64 columns to the 53rd
            canvas.press("ArrowLeft")
        said = seen.page.locator(".profile svg").first.get_attribute("aria-label")
        assert said.endswith(f"rad ends at {float(f'{values[10, 52]:.4g}'):g}") and seen.said == []


def test_the_page_of_a_run_says_what_was_changed_and_what_to_cite(site, browser):
    with page(browser) as seen:
        enter(site, seen)
        seen.page.goto(f"{site.base}#/run/good/run-0001")
        changed = seen.page.locator("[aria-label='Parameters that differ from the defaults']")
        changed.wait_for()
        rows = [row.split("\t") for row in changed.locator("tbody tr").all_inner_texts()]
        assert ["ptycho: engines", "DM*1", "DM*100 ML*100"] in rows
        cited = seen.page.locator("li", has_text="A. Author <b>One</b> (2009).")
        assert cited.locator("a").evaluate_all("all => all.map(a => a.href)") == ["https://doi.org/10.1/x"]
        other = seen.page.locator("li", has_text="B. Author (2010).")
        assert other.count() == 1 and other.locator("a").count() == 0 and seen.said == []


def test_templates_have_pictures_of_their_methods(site, browser):
    with page(browser) as seen:
        enter(site, seen)
        seen.page.goto(f"{site.base}#/new")
        seen.page.wait_for_selector("p.good")
        drawn = {
            one.inner_text().strip(): one.locator("svg path").get_attribute("d")
            for one in seen.page.locator(".templates button", has=seen.page.locator("svg")).all()
        }
        assert {"ptycho", "tomo", "xrf", "xanes", "xrd", "stxm", "cdi", "volume"} <= {*drawn}
        assert len(set(drawn.values())) == 8 and drawn["far-field"] == drawn["ptycho"] and seen.said == []
        is_calm(site, seen)


def test_a_tab_without_the_key_is_logged_out(site, browser):
    """The cookie alone goes with a second tab of the same browser; it does not do"""
    with page(browser) as seen:
        enter(site, seen)
        other = seen.page.context.new_page()
        other.goto(site.base)
        other.wait_for_selector("#token")


def test_runs_are_compared(site, browser):
    with page(browser) as seen:
        enter(site, seen)
        for name in ("good/run-0001", "good/run-0002"):
            seen.page.check(f"[aria-label='compare {name}']")
        seen.page.click("text=compare 2")
        seen.page.wait_for_selector("canvas.image >> nth=1")
        table = seen.page.inner_text("table")
        assert "DM*1" in table and "DM*2" in table and "ptycho: engines" in table


COUNT = "window.CLICKS = 0; addEventListener('click', e => { CLICKS += e.isTrusted; }, true);"


def test_six_clicks_from_the_link_to_the_report_of_a_file_never_seen(site, browser):
    """The link is the first; the page counts the others. Nothing is typed but the path of the scan"""
    (site.runs.parent / "simulated.yaml").write_text(JOB.replace("frames: 16", "frames: 49"))
    scan = site.runs.parent / "never-seen.cxi"
    assert main(["simulate", str(site.runs.parent / "simulated.yaml"), "-o", str(scan)]) == 0
    with page(browser, accept_downloads=True) as seen:
        seen.page.add_init_script(COUNT)
        enter(site, seen)  # 1: the link
        seen.page.click("text=new job")  # 2
        seen.page.wait_for_selector("button.main:enabled")  # for simulated data, until others are asked for
        held = []
        seen.page.route("**/api/template", lambda route: held.append(route))
        seen.page.fill("#scan", str(scan))
        seen.page.click("button >> text=inspect")  # 3
        seen.page.wait_for_selector("dl.facts")
        seen.page.wait_for_selector("figure canvas.image")  # the mean frame
        assert until(lambda: held or seen.page.wait_for_timeout(50), WAIT / 1000)
        assert seen.page.is_disabled("button.main")  # the job is still that of the simulated data
        held[0].continue_()
        seen.page.wait_for_selector("button.main:enabled")
        assert seen.page.inner_text("p.good") == "no faults"
        assert str(scan) in seen.page.input_value("#job")
        seen.page.click("button.main")  # 4: start, with defaults
        seen.page.wait_for_selector("h1 >> text=/run-0001")
        larger = seen.page.locator("[aria-label^='phase'][aria-label$='larger']")
        larger.click()  # 5: zoom into the image, live or of the result
        seen.page.wait_for_selector(".verdict, .state.good, .state.doubtful, .state.wrong")
        with seen.page.expect_download() as kept:
            seen.page.click("button >> text=report.html")  # 6
        assert seen.page.evaluate("window.CLICKS") == 5 and seen.said == []
        assert "never-seen.cxi" in kept.value.path().read_text()


def test_a_scan_that_lacks_something_is_the_job_all_the_same(site, browser):
    """Frames and places without a distance: what is missing is said, and the job is no simulation"""
    scan = site.runs.parent / "bare.npz"
    np.savez(scan, diff=np.ones((9, 16, 16), np.uint16), pos_um=np.arange(18.0).reshape(9, 2))
    with page(browser) as seen:
        enter(site, seen)
        seen.page.click("text=new job")
        seen.page.fill("#scan", str(scan))
        seen.page.click("button >> text=inspect")
        assert "paths" in seen.page.text_content("pre.fault")
        seen.page.wait_for_selector("text=says no wavelength, distance and no pixel")
        assert not seen.page.locator("p.good").count() and seen.page.is_disabled("button.main")
        text = seen.page.input_value("#job")
        assert str(scan) in text and 'positions: "pos_um"' in text and "simulate" not in text


def test_a_run_is_started_watched_stopped(site, browser):
    """A wrong field is shown where it stands; then a job as it is written; its report is kept"""
    scan = site.runs.parent / "job.yaml"
    scan.write_text(JOB.replace("DM*3", "DM*20000").replace("star", "trip"))
    with page(browser, accept_downloads=True) as seen:
        enter(site, seen)
        seen.page.click("text=new job")
        seen.page.wait_for_selector("p.good")
        simulated = [
            seen.page.locator(f"[id='f-input.simulate.{name}']").count() for name in ("frames", "planes")
        ]
        assert simulated == [1, 0]  # of ptychography, not of the first reader that simulates
        modes = "f-steps.1.probe.modes"
        seen.page.fill(f"[id='{modes}']", "-2")
        seen.page.keyboard.press("Tab")
        seen.page.wait_for_selector(f"[id='{modes}-fault']:not(:empty)")
        assert "-2 does not fit" in seen.page.inner_text(f"[id='{modes}-fault']")
        assert seen.page.is_disabled("button.main")
        assert seen.page.input_value("#job").count("modes: -2") == 1
        seen.page.fill("#job", scan.read_text())
        seen.page.keyboard.press("Tab")
        seen.page.wait_for_selector("[id='f-steps.0.engines']")
        seen.page.wait_for_selector("p.good")
        assert seen.page.input_value("[id='f-steps.0.engines']") == "DM*20000"
        seen.page.fill("[aria-label='number of ranks']", "1")
        seen.page.click("button.main")
        seen.page.wait_for_selector("h1 >> text=trip/run-0001")
        seen.page.wait_for_selector("progress")
        seen.page.wait_for_selector("canvas.image")  # live
        seen.page.click("[aria-label$='larger'] >> nth=0")
        seen.page.click("text=stop")
        seen.page.wait_for_selector(".state.done, .state.good, .state.doubtful, .state.wrong")
        seen.page.wait_for_selector("button >> text=report.html")
        with seen.page.expect_download() as kept:
            seen.page.click("button >> text=report.html")
        text = kept.value.path().read_text()
        assert kept.value.suggested_filename == "report.html" and "trip" in text and "<script>" in text
        is_calm(site, seen)
    until(lambda: (site.runs / "trip/run-0001/result.h5").is_file())
