"""The guide of the manual: chapters from texts and tables, with pictures where there are some."""

import base64
import html as escape
import re
from dataclasses import dataclass
from pathlib import Path

from nanompi.report.manual.codes import exit_codes
from nanompi.report.manual.gallery import kinds, said
from nanompi.report.manual.log_lines import lines
from nanompi.report.manual.result_table import paths
from nanompi.report.manual.text import html
from nanompi.report.manual.warned import rows

HERE = Path(__file__).parent
NONE = "A picture stands here where the manual was made by <code>nanompi manual --pictures FOLDER</code>."
FIGURE = re.compile(r'<img alt="[^"]*" src="picture:([a-z]+)"[^>]*/?>')


@dataclass(frozen=True)
class Chapter:
    """id : its place in the page; text : HTML"""

    id: str
    title: str
    text: str


def chapters(pictures: Path | None = None) -> list[Chapter]:
    """All, in the order of reading. pictures : the folder that `nanompi.workflow.gallery` has filled"""
    tutorial = html(_page("tutorial"))
    return [
        Chapter("tutorial", "From a file to an image", _with_pictures(tutorial, pictures)),
        Chapter("measured", "From a measured file to maps", html(_page("measured"))),
        Chapter("log", "What the log means", _log()),
        Chapter("warnings", "Warnings and verdicts, and what to do", _warnings()),
        Chapter("gallery", "Wrong results, and what they look like", _gallery(pictures)),
        Chapter("result", "What stands in result.h5", _result()),
        Chapter("codes", "Exit codes", _table(("code", "meaning"), exit_codes(), "exit codes")),
    ]


def _page(name: str) -> str:
    return (HERE / f"{name}.rst").read_text(encoding="utf-8")


def _log() -> str:
    rows = [
        f"<dt><code>{escape.escape(line.shown)}</code></dt><dd>{inline(line.means)}</dd>" for line in lines()
    ]
    return f"<p>A run says these lines, in this order, each behind its seconds.</p><dl>{''.join(rows)}</dl>"


def _warnings() -> str:
    head = "<p>What a run warns of, and the reasons of a verdict that is not good; … is a figure or a name. "
    head += "<code>in the job:</code> behind a verdict is the line to paste.</p>"
    parts = dict.fromkeys(one.of for one in rows())
    return head + "".join(_of(part) for part in parts)


def _of(part: str) -> str:
    text = "".join(
        f"<dt><code>{escape.escape(one.says)}</code></dt><dd>{inline(one.do)}</dd>"
        for one in rows()
        if one.of == part
    )
    return f"<h3>{escape.escape(part)}</h3><dl>{text}</dl>"


def _gallery(pictures: Path | None) -> str:
    head = "<p>Each is a simulated scan with one thing wrong, and the image that comes of it.</p>"
    return head + "".join(_kind(kind, pictures) for kind in kinds())


def _kind(kind, pictures: Path | None) -> str:
    image = _with_pictures(f'<img alt="phase: {kind.title}" src="picture:{kind.name}">', pictures)
    rows = [("It looks like", kind.looks), ("The run says", said(pictures, kind)), ("Do", kind.do)]
    text = "".join(f"<dt>{name}</dt><dd>{inline(words)}</dd>" for name, words in rows if words)
    return f"<h3>{escape.escape(kind.title)}</h3><figure>{image}</figure><dl>{text}</dl>"


def _result() -> str:
    head = "<p>NeXus and CXI 1.6, readable by plain h5py. Every group of data has @signal and @axes, "
    head += "numbers have @units. In a path <code>*</code> is any name, <code>**</code> all below.</p>"
    return head + _table(("path", "what it is"), paths().items(), "paths of result.h5")


def _table(heads, rows, name: str) -> str:
    head = "".join(f'<th scope="col">{one}</th>' for one in heads)
    body = "".join(
        f'<tr><th scope="row"><code>{escape.escape(first)}</code></th><td>{inline(second)}</td></tr>'
        for first, second in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide" role="region" tabindex="0" aria-label="{name}">{table}</div>'


def inline(text: str) -> str:
    """A sentence, with `code`."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape.escape(text, quote=False))


def _with_pictures(text: str, folder: Path | None) -> str:
    """Each picture:NAME as the picture of that name; a sentence where there is none."""

    def instead(found) -> str:
        file = (folder or Path()) / f"{found[1]}.png"
        if folder is None or not file.is_file():
            return f'<span class="soft">{NONE}</span>'
        data = base64.b64encode(file.read_bytes()).decode()
        return found[0].replace(f"picture:{found[1]}", f"data:image/png;base64,{data}")

    return FIGURE.sub(instead, text)
