"""Pictures of a result for people: one of each signal that says how it is shown, and all on one sheet.

Matplotlib is loaded when the first picture is made, no sooner: by rank 0, when the result is safe.
"""

import datetime
import gc
import math
import os
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nanompi.io.atomic import new_file, own_folder
from nanompi.io.user_cache import user_cache
from nanompi.report.sheet import write_sheet
from nanompi.run.metrics import give_back_memory
from nanompi.run.result import Result, Signal
from nanompi.run.status import event
from nanompi.run.switches import PICTURES, on
from nanompi.units import EV, show

TILE, ALONE, WIDE = (4.3, 3.5), (5.4, 4.6), (6.4, 4.0)  # inches of a picture on a sheet, and of its own
DPI = 150  # of what is no line
PACKED = 3  # of zlib: a third of the time of 6, for files a tenth larger
SEPARATOR = "  ·  "


def pictures(run):
    """The pictures of a run, in previews/ of its folder, by rank 0 (collective): a writer of `perform`."""
    run.team.on_root(lambda: _of_run(run))


def _of_run(run) -> None:
    if on(PICTURES):
        previews(run.result, run.folder / "previews", run.warn)
    else:
        event(run.folder, "pictures", left_out=f"{PICTURES}={os.environ[PICTURES]}")


def previews(result: Result, folder: Path, warn=print) -> list[Path]:
    """Write NAME.png for each signal that can be shown, and overview.png with all; returns the paths.

    Each is drawn once. The result is safe before: a picture that cannot be made or written is told to `warn`,
    and left out.
    """
    if not (signals := shown(result)):
        return []
    if not _guarded("picture", drawing, warn):
        return []
    today = datetime.datetime.now().strftime("%Y-%m-%d %H:%M")
    head = header({"date": today} | result.notes)
    written: list[Path] = []
    with little_garbage() as collect:
        for name, signal in signals.items():
            path = Path(folder) / f"{_word(name)}.png"
            if _guarded(path.name, lambda one=signal, path=path: save(picture(one, head), path), warn):
                written.append(path)
            collect()
    path = Path(folder) / "overview.png"
    if written and _guarded(path.name, lambda: _write_overview(path, written, head), warn):
        written.append(path)
    return written


@contextmanager
def little_garbage():
    """What frees the memory of pictures that are done: a figure is a circle of objects, some MB large, of
    which the garbage of tens would pile up. What was there before is not looked through each time."""
    give_back_memory()
    gc.freeze()
    try:
        yield gc.collect
    finally:
        gc.unfreeze()


def _top() -> int:
    """Pixels of the line over a picture"""
    from nanompi.report.paper import HEAD

    return round(HEAD * DPI)


def _write_overview(path: Path, drawn: list[Path], head: str) -> Path:
    """The pictures of some files side by side, without the line over each, and one over all."""
    _, paper = drawing()
    columns = across(len(drawn))

    def line(width: int) -> np.ndarray | None:
        return pixels(paper.blank(1, 0, (width / DPI, 0), head)[0]) if head else None

    own_folder(path.parent)
    with new_file(path) as file:
        write_sheet(file, drawn, columns, line, _top() * bool(head), DPI)
    return path


def shown(result: Result) -> dict[str, Signal]:
    """The signals of a result that have a picture."""
    every = result.signals | result.planes | result.pictures
    return {name: signal for name, signal in every.items() if signal.show in KINDS}


def picture(signal: Signal, header: str = ""):
    """A matplotlib Figure of one signal, with a line of text over it. Errors: those of data that do not fit
    their kind."""
    draw, paper = drawing()
    figure, (tile,) = paper.blank(1, 1, _size(signal, paper), header)
    tile.detail = 1600
    draw(signal.show)(tile, signal)
    return figure


def sheet(signals: dict[str, Signal], header: str = ""):
    """A matplotlib Figure of signals by name, in rows of as many as make it somewhat wider than high."""
    draw, paper = drawing()
    columns = across(len(signals))
    figure, tiles = paper.blank(columns, math.ceil(len(signals) / columns), TILE, header)
    for tile, signal in zip(tiles, signals.values()):
        draw(signal.show)(tile, signal)
    return figure


def across(n: int) -> int:
    """Pictures in a row of a sheet of n."""
    return max(1, min(n, max(2, round(math.sqrt(1.2 * n)))))


def save(figure, path: Path) -> Path:
    """Write a figure as PNG, SVG or PDF, by the suffix of the path, which is replaced when it is complete;
    gives the path.

    Texts of SVG and PDF are texts. Errors: ResourceError when it cannot be written.
    """
    from matplotlib import rc_context

    path = Path(path)
    kind = path.suffix[1:].lower()
    if kind == "png":
        return _write_png(path, _image(pixels(figure)))
    own_folder(path.parent)
    more = {"metadata": {"Date": None}} if kind == "svg" else {}
    with rc_context({"svg.fonttype": "none", "pdf.fonttype": 42}), new_file(path) as file:
        figure.savefig(file, format=kind, dpi=DPI, **more)
    return path


def pixels(figure) -> np.ndarray:
    """(h, w, 3) uint8, the figure drawn; what has been drawn once is not drawn again."""
    canvas = figure.canvas
    if getattr(canvas, "renderer", None) is None:
        figure.set_dpi(DPI)
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def _image(values: np.ndarray):
    """(h, w, 3) uint8 as an image (PIL)."""
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(values))


def _write_png(path: Path, image) -> Path:
    from PIL import PngImagePlugin

    about = PngImagePlugin.PngInfo()
    about.add_text("Software", "nanompi")
    own_folder(path.parent)
    with new_file(path) as file:
        image.save(file, "PNG", compress_level=PACKED, dpi=(DPI, DPI), pnginfo=about)
    return path


def header(notes: dict[str, Any]) -> str:
    """The line over pictures of a result: job, scan, date, pixel, energy, verdict, as far as the notes of it
    (process_1 in the file) know them."""
    job = notes.get("job")
    job = job if isinstance(job, dict) else {}
    geometry = notes.get("geometry") if isinstance(notes.get("geometry"), dict) else {}
    verdict = notes.get("verdict") if isinstance(notes.get("verdict"), dict) else {}
    words = [
        str(job.get("name") or ""),
        _scan(job.get("input")),
        str(notes.get("date") or "")[:16].replace("T", " "),
        _pixel(geometry.get("object_pixel") or geometry.get("pixel")),
        _energy(geometry.get("energy")),
        f"result: {verdict['grade']}" if verdict.get("grade") else "",
    ]
    return SEPARATOR.join(filter(None, words))


def _word(name: str) -> str:
    """A name as that of a file: in a result of anybody it may have any letters"""
    return "".join(c if c.isalnum() or c in "_.+=@-" else "_" for c in name)


def _scan(given) -> str:
    """The name of the scan's file"""
    given = given if isinstance(given, dict) else {}
    if given.get("file"):
        return Path(str(given["file"])).name
    return "simulated" if given.get("simulate") else ""


def _energy(joules) -> str:
    """`8.002 keV`"""
    return show(float(f"{joules / EV:.4g}") * EV, "J") if _number(joules) else ""


def _pixel(size) -> str:
    """`pixel 9.77 nm`; of pixels that are not square both sides"""
    if not isinstance(size, list | tuple) or not all(map(_number, size)) or not size:
        return ""
    sides = dict.fromkeys(show(float(f"{v:.3g}"), "m").replace(" um", " µm") for v in size)
    return f"pixel {' × '.join(sides)}"


def _number(value) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value > 0


# ---- what draws a signal, by its kind: module and function of this folder

KINDS = {
    "image": ("images", "image"),
    "map": ("images", "colour_map"),
    "angle": ("images", "angle"),
    "frame": ("images", "frame"),
    "modes": ("fields", "modes"),
    "curve": ("graphs", "curves"),
    "spectrum": ("graphs", "spectrum"),
    "positions": ("graphs", "positions"),
    "arrows": ("graphs", "arrows"),
}


def drawing() -> tuple[Callable, Any]:
    """(what gives the function of a kind, module of paper); from here on matplotlib is loaded

    Its settings and fonts are kept apart from those of the user, who may draw in a step of the same process.
    """
    os.environ.setdefault("MPLCONFIGDIR", str(user_cache() / "matplotlib"))
    from nanompi.report import fields, graphs, images, paper

    modules = {"images": images, "fields": fields, "graphs": graphs}
    return lambda kind: getattr(modules[KINDS[kind][0]], KINDS[kind][1]), paper


def _size(signal: Signal, paper) -> tuple[float, float]:
    """Inches of a picture of its own: curves are wide, images as high as their axes ask for."""
    from nanompi.report import images

    if signal.show in ("curve", "spectrum"):
        return WIDE
    if KINDS[signal.show][0] != "images" or not (ratio := images.ratio(signal)):
        return ALONE
    around = paper.TOP + paper.BOTTOM
    return ALONE[0], around + min(6.0, max(1.2, ratio * (ALONE[0] - paper.LEFT - paper.RIGHT)))


def _guarded(what: str, work: Callable, warn):
    """What `work` gives; None, and a warning, where it fails."""
    try:
        return work()
    except Exception as e:
        warn(f"there is no {what} ({type(e).__name__}: {e}); the result is not touched by that")
        return None
