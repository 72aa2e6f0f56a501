"""A file that no reader knows: what it is called, what is in it, and the input section that would read it.

The guesses go by shape first, then by name: the largest stack of images is the frames, as long as they are
the coordinates; energy, distance and pixel are single numbers. They are printed to be looked at, never used.
"""

import math
import re
from dataclasses import dataclass

import numpy as np

from nanompi.io.hdf5 import DEEPEST, at, foreign, hdf5, is_hdf5, open_hdf5, short, unit, walk
from nanompi.methods.ptycho.scan import WANTED

MOST = 60  # datasets that are listed
LENGTHS = ("m", "cm", "mm", "um", "nm")
LINKS = 40  # links that are followed for the list
RESULT = "not a scan; for its probe write `probe: {{start: file, file: {file}}}` in the step ptycho"
KINDS = {  # name -> groups or datasets that all must be there, and some that must not
    "a result of ptypy (.ptyr)": (["content/probe", "content/obj"], []),
    "a product of Ptychodus": (["probe_position_x_m", "object", "probe"], ["frames"]),
    "a result of nanompi": (["entry_1/object/data", "entry_1/probe/data", "entry_1/image_1"], []),
    "a CXI file of an image, without frames (as COSMIC and PyNX write results)":
        (["entry_1/image_1"], ["entry_1/data_1/data", "entry_1/instrument_1/detector_1/data"]),
}  # fmt: skip


@dataclass
class Entry:
    """A dataset or array: its path, shape (None: without values), type and unit ("" = none said)."""

    path: str
    shape: tuple | None
    dtype: np.dtype
    unit: str = ""

    @property
    def size(self) -> int:
        """How many values."""
        return 0 if self.shape is None else math.prod(self.shape)

    @property
    def sides(self) -> tuple:
        """Its shape without leading ones, which readers drop."""
        shape = self.shape or ()
        return shape[next((k for k, side in enumerate(shape) if side != 1), len(shape)) :]

    @property
    def leaf(self) -> str:
        """Its own name, small letters."""
        return self.path.rsplit("/", 1)[-1].lower()

    def __str__(self):
        size = "empty" if self.shape is None else " x ".join(map(str, self.shape)) or "one value"
        return f"{short(self.path)}   {size} {self.dtype}" + (f"   {short(self.unit)}" if self.unit else "")


def called(path: str) -> str:
    """What a file is that is no scan, and what to do with it; "" where it is not known. Errors: DataError."""
    with foreign(path):
        if path.lower().endswith((".npz", ".npz.gz", ".npz.bz2")):
            keys = {e.path for e in listed(path)}
            has = keys.__contains__
            return _called(path, has)
        if not is_hdf5(path):
            return ""
        with open_hdf5(path) as file:
            return _called(path, lambda place: at(file, place) is not None)


def _called(path: str, has) -> str:
    for name, (wanted, without) in KINDS.items():
        if all(map(has, wanted)) and not any(map(has, without)):
            return f"{path} is {name}, {RESULT.format(file=path)}"
    return ""


def listed(path: str) -> list[Entry]:
    """The datasets of an HDF5 or NPZ file, links to others too; [] for other files. Errors: DataError."""
    if is_hdf5(path):
        with foreign(path), open_hdf5(path) as file:
            return _hdf5(file)
    if path.lower().endswith((".npz", ".npz.gz", ".npz.bz2")):
        return _npz(path)
    return []


def _hdf5(file) -> list[Entry]:
    h5py, out, left = hdf5(), [], LINKS
    things = [("", file["/"]), *walk(file)]
    for path, thing in things:
        if isinstance(thing, h5py.Dataset):
            out.append(_entry(path, thing))
        if not isinstance(thing, h5py.Group):  # a dataset, or a named type
            continue
        for name in _linked(thing):
            left -= 1
            if left < 0 or path.count("/") > DEEPEST:
                break
            below = f"{path}/{name}"
            target = _followed(file, below)
            if isinstance(target, h5py.Dataset):
                out.append(_entry(below, target))
    return [e for e in out if e]


def _linked(group) -> list[str]:
    """Names in a group that are links, of its first members."""
    h5py, out = hdf5(), []
    for _, name in zip(range(1000), group):
        try:
            link = group.get(name, getlink=True)
        except Exception:
            continue
        if isinstance(link, h5py.SoftLink | h5py.ExternalLink):
            out.append(name)
    return out


def _followed(file, path: str):
    try:
        return at(file, path)
    except Exception:
        return None


def _entry(path: str, data) -> Entry | None:
    try:
        return Entry(path, data.shape, data.dtype, unit(data))
    except Exception:
        return None


def _npz(path: str) -> list[Entry]:
    from nanompi.methods.ptycho.read.npz import header_of, zip_of

    out = []
    with zip_of(path) as archive:
        for name in archive.namelist()[:1000]:
            try:
                shape, dtype = header_of(archive, name)
            except Exception:
                continue
            out.append(Entry(name.removesuffix(".npy"), shape, dtype))
    return out


# ---- guesses

SHORT = {  # whole names, small letters, that say a quantity without its word
    "energy": re.compile(r"(ph(oton)?_?)?e(n|ne|ner)?_?k?ev|e(n|ner)_?(ph(oton)?|xray)"),
    "wavelength": re.compile(r"(lambda|wavelen|wl)(_?(m|nm|a|angstrom))?"),
    "distance": re.compile(r"((det(ector)?|sample|sam)_?)?dist(_?(m|cm|mm|um))?|sdd(_?(m|cm|mm))?"),
    "pixel": re.compile(r"(det(ector)?_?)?(px|pix)_?size(_?(m|um))?|(det(ector)?_?)?pix_?um"),
}


def guessed(entries: list[Entry]) -> tuple[dict[str, str], dict[str, Entry]]:
    """({key of `paths`: path}, {key: its entry}) of what the datasets may be; {} without frames."""
    frames = _frames(entries)
    if frames is None:
        return {}, {}
    path, n, shape = frames
    out = {"frames": Entry(path, (n, *shape), np.dtype("u2"))}
    out |= _places([e for e in entries if e.dtype.kind in "iuf"], n)
    one = [e for e in entries if e.size == 1 and e.dtype.kind in "iuf"]
    for key in ("energy", "wavelength", "distance"):
        whole = [e for e in one if key in e.leaf]
        out |= _best(key, whole or [e for e in one if SHORT[key].fullmatch(e.leaf)])
    small = [e for e in entries if e.size in (1, 2) and e.dtype.kind in "iuf"]
    whole = [e for e in small if "pixel" in e.leaf or e.leaf == "psize"]
    out |= _best("pixel", whole or [e for e in small if SHORT["pixel"].fullmatch(e.leaf)])
    out |= _best("mask", [e for e in entries if e.shape == shape and "mask" in e.leaf])
    out |= _best("probe", [e for e in entries if e.dtype.kind in "cV" and "probe" in e.leaf])
    if "wavelength" in out and "energy" in out:
        del out["wavelength"]
    return {key: e.path for key, e in out.items()}, out


def _frames(entries: list[Entry]):
    """(path, how many, (rows, columns)): the largest stack of real images, or a group with parts of it."""
    stacks: dict[tuple, list[Entry]] = {}
    for e in entries:
        if e.dtype.kind in "iuf" and e.shape and len(e.shape) >= 3 and min(e.shape[-2:]) >= 8:
            stem = e.path if not e.leaf.startswith("data_") else e.path.rstrip("0123456789")
            stacks.setdefault((stem, e.shape[-2:]), []).append(e)
    if not stacks:
        return None
    (_, shape), parts = max(stacks.items(), key=lambda s: (sum(e.size for e in s[1]), -len(s[0][0])))
    path = parts[0].path if len(parts) == 1 else parts[0].path.rsplit("/", 1)[0]
    return path, sum(math.prod(e.shape[:-2]) for e in parts), shape


def _places(entries: list[Entry], n: int) -> dict[str, Entry]:
    """x and y, or positions, of n frames."""
    both = [e for e in entries if len(e.sides) == 2 and 2 in e.sides and n in e.sides]
    both = [e for e in both if re.search(r"pos|scan|coord|translation|xy|yx", e.leaf)]
    lists = [e for e in entries if e.size == n and n > 1]
    x, y = (_best(k, [e for e in lists if names_axis(e.leaf, k)]) for k in "xy")
    if x and y:
        return x | y
    return _best("positions", both)


def names_axis(leaf: str, letter: str) -> bool:
    """Does the name say this axis: x, pos_x, samx, sx, x_um, lab-x ..."""
    words = re.split(r"[^a-z0-9]+|_", leaf)
    motor = rf"(?:(?:\w{{2,}}|[mps]){letter}|{letter}\w{{2,}})\d?"
    return letter in words or any(re.fullmatch(motor, word) for word in words)


def _best(key: str, found: list[Entry]) -> dict[str, Entry]:
    """The one with the shortest name, of equals the first."""
    return {key: min(found, key=lambda e: (len(e.leaf), len(e.path)))} if found else {}


def unit_in(name: str, allowed: tuple[str, ...] = LENGTHS) -> str:
    """The unit at the end of a name: dist_mm, samx_um; "" without."""
    word = re.split(r"[^A-Za-z]", name)[-1]
    return next((one for one in allowed if one.lower() == word.lower()), "")


def _named(key: str, entry: Entry) -> str:
    """The unit in a name, where the file says none; "" without."""
    allowed = ("eV", "keV") if key == "energy" else LENGTHS
    allowed += ("A", "angstrom") if key == "wavelength" else ()
    known = entry.unit or key in ("frames", "mask", "probe")
    return "" if known else unit_in(entry.path.rsplit("/", 1)[-1], allowed)


def section(path: str, entries: list[Entry]) -> list[str]:
    """Lines of an `input:` section for the file, what is missing as a comment; [] without frames."""
    from json import dumps

    paths, found = guessed(entries)
    if not paths:
        return []
    lines = ["input:", f"  file: {dumps(path, ensure_ascii=False)}", "  paths:"]
    lines += [f"    {key}: {dumps(p, ensure_ascii=False)}" for key, p in paths.items()]
    if not ({"x", "y"} <= set(paths) or "positions" in paths):
        lines += [
            "    # x: ...  # columns: nothing of that length and name was found",
            "    # y: ...  # rows",
        ]
    named = {key: one for key, entry in found.items() if (one := _named(key, entry))}
    if named:
        lines.append(f"  units: {{{', '.join(f'{k}: {u}' for k, u in named.items())}}}  # by the names")
    bare = [k for k in ("x", "y", "positions") if k in found and not found[k].unit and k not in named]
    if bare:
        units = named | dict.fromkeys(bare, "um")
        text = ", ".join(f"{k}: {u}" for k, u in units.items())
        lines.append(f"  # units: {{{text}}}  # the file says none: metres; px: of the object")
    known = set(paths) | ({"energy"} if "wavelength" in paths else set())
    return lines + [f"  # {text}  # the file has none" for key, text in WANTED.items() if key not in known]


def contents(path: str) -> list[str]:
    """Lines for `inspect` of a file that cannot be read as it is: its datasets."""
    entries = listed(path)
    more = [f"  ... and {len(entries) - MOST} more"] if len(entries) > MOST else []
    return [f"  {e}" for e in entries[:MOST]] + more
