"""The pictures of the first page: the report of the main job, and a new job on the page of `nanompi serve`.

    python benchmarks/pictures.py RUN [--folder benchmarks/results]

RUN is the folder of a run that is done (`nanompi run jobs/siemens-star.yaml` makes one). Its report is made
anew and opened in Chromium (Debian's, by Playwright), and so is the page of jobs, with the job of that run in
its form. report.png and new-job.png are written, in few colours: they are small.
"""

import contextlib
import io
import subprocess
import sys
from pathlib import Path

from harness import ROOT, options, report
from serve import browser

WIDTH, COLOURS = 1200, 128  # px; of a picture


def main():
    """Bytes of each picture."""
    given = options(__doc__, "run", folder=str(ROOT / "benchmarks/results"))
    run, folder = Path(given.run).resolve(), Path(given.folder)
    with browser() as started:
        pictures = {"report.png": of_report(started, run), "new-job.png": of_new_job(started, run)}
    report(given, ({"picture": name, "bytes": kept(folder / name, png)} for name, png in pictures.items()))


def kept(path: Path, png: bytes) -> int:
    """Write a picture in few colours; its bytes."""
    from PIL import Image

    few = (
        Image.open(io.BytesIO(png))
        .convert("RGB")
        .quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    )
    few.save(path, optimize=True)
    return path.stat().st_size


def opened(started):
    """A page of a browser that waits on a busy machine, too."""
    page = started.new_page(viewport={"width": WIDTH, "height": 860})
    page.set_default_timeout(300_000)  # ms
    page.set_default_navigation_timeout(300_000)
    return page


def of_report(started, run: Path) -> bytes:
    """The verdict and the images of a report, as PNG."""
    subprocess.run([sys.executable, "-m", "nanompi", "report", str(run)], check=True, stdout=sys.stderr)
    page = opened(started)
    page.goto((run / "report.html").as_uri())
    page.wait_for_selector("body.ready")
    return page.screenshot()


def of_new_job(started, run: Path) -> bytes:
    """The form of a new job, from that of the run, as PNG."""
    with serving(run.parents[1]) as link:
        page = opened(started)
        page.goto(link)
        page.wait_for_selector("td a")
        page.goto(f"{link.split('#')[0]}#/new/{run.parent.name}/{run.name}")
        page.wait_for_selector("p.good")
        return page.screenshot()


@contextlib.contextmanager
def serving(runs: Path):
    """`with serving(runs) as link:` the page with these runs, which may start jobs."""
    command = [sys.executable, "-u", "-m", "nanompi", "serve", str(runs), "--port", "0", "--jobs"]
    page = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        yield page.stdout.readline().split()[-1]
    finally:
        page.terminate()
        page.wait()


if __name__ == "__main__":
    main()
