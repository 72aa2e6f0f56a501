"""Marks of a picture as attributes of its NXdata group, so that a result opened a year later has them.

marks_names (texts of the curves), marks_label, marks_aim (number), marks_begins (k,) places on the last axis
with marks_begins_names (k,): where an engine begins; marks_centre (row, column) px, marks_rings (k,) radii px
with marks_rings_names (k,). Those that are not there are left out. The values of points are a dataset of the
group, marks_values (n,).
"""

from typing import Any

import numpy as np

from nanompi.errors import shown
from nanompi.io.hdf5 import text
from nanompi.run.result import Marks

BY_NAME = "by name"  # @show of data of which each part that is looked at is a result of its own
MOST, WORD = 200, 80  # marks of a kind that are kept, characters of a word


def attributes(marks: Marks) -> dict[str, Any]:
    """{name: value} for the group of a signal."""
    out: dict[str, Any] = {"names": list(marks.names[:MOST]), "label": marks.label}
    for name, pairs in (("begins", marks.begins[:MOST]), ("rings", marks.rings[:MOST])):
        out[name] = [float(place) for place, _ in pairs]
        out[f"{name}_names"] = [words for _, words in pairs]
    out["centre"] = [] if marks.centre is None else [float(x) for x in marks.centre]
    kept = {f"marks_{name}": value for name, value in out.items() if value}
    return kept | ({} if marks.aim is None else {"marks_aim": float(marks.aim)})


def marks_of(attrs) -> Marks:
    """The marks of a group's attributes; what is none is left out, as the file may be of anybody."""
    centre = _numbers(attrs, "centre")
    return Marks(
        names=tuple(_words(attrs, "names")),
        label=next(iter(_words(attrs, "label")), ""),
        begins=_pairs(attrs, "begins"),
        aim=next(iter(_numbers(attrs, "aim")), None),
        centre=tuple(centre) if len(centre) == 2 else None,
        rings=_pairs(attrs, "rings"),
    )


def _pairs(attrs, name: str) -> tuple[tuple[float, str], ...]:
    places, words = _numbers(attrs, name), _words(attrs, f"{name}_names")
    return tuple(zip(places, words)) if len(places) == len(words) else ()


def _numbers(attrs, name: str) -> list[float]:
    found = np.ravel(attrs.get(f"marks_{name}", ()))[:MOST]
    good = found.dtype.kind in "iuf" and np.isfinite(found).all()
    return [float(x) for x in found] if good else []


def _words(attrs, name: str) -> list[str]:
    found = np.ravel(attrs.get(f"marks_{name}", ()))[:MOST]
    return [shown(text(word), WORD) for word in found] if found.dtype.kind in "OSU" else []
