"""Writes small MDA files, as saveData of EPICS does: rows, points, channels, one scan in another."""

import struct

import numpy as np


def _text(words: str) -> bytes:
    raw = words.encode("latin1")
    if not raw:
        return struct.pack(">i", 0)
    return struct.pack(">ii", len(raw), len(raw)) + raw + bytes(-len(raw) % 4)


def _scan(at: int, rank: int, n: int, done: int, inner, positioners, detectors) -> bytes:
    """One scan; positioners, detectors : [(name, unit, values)]"""
    out = struct.pack(">iii", rank, n, done)
    out += b"".join(struct.pack(">i", int(i)) for i in inner)
    out += (
        _text("scan")
        + _text("Nov 26, 2026 12:00:00")
        + struct.pack(">iii", len(positioners), len(detectors), 1)
    )
    for k, (name, unit, _) in enumerate(positioners):
        out += struct.pack(">i", k) + b"".join(map(_text, (name, "", "LINEAR", unit, "", "", "")))
    for k, (name, unit, _) in enumerate(detectors):
        out += struct.pack(">i", k) + b"".join(map(_text, (name, "", unit)))
    out += struct.pack(">i", 0) + _text("trigger") + struct.pack(">f", 1.0)
    out += b"".join(np.asarray(v, ">f8").tobytes() for *_, v in positioners)
    return out + b"".join(np.asarray(v, ">f4").tobytes() for *_, v in detectors)


def write_mda(path, counts: np.ndarray, y, x, scalers=(), pvs=(), rows: int | None = None) -> None:
    """counts : (rows, columns, detectors, channels); y, x : mm; scalers : [(name, (rows, columns))];
    pvs : [(name, number)] at the end of the file; rows : how many were measured before the scan stopped"""
    h, w, detectors, channels = counts.shape
    done = h if rows is None else rows

    def point(at, i, j):
        own = [(f"xmap:mca{k + 1}.VAL", "", counts[i, j, k]) for k in range(detectors)]
        return _scan(at, 1, channels, channels, (), [], own)

    def row(at, i, inner):
        own = [(name, "", values[i]) for name, values in scalers]
        return _scan(at, 2, w, w, inner, [("m:x.VAL", "mm", x)], own)

    def top(inner):
        return _scan(24, 3, h, done, inner, [("m:y.VAL", "mm", y)], [])

    at = 8 + 4 * 6 + len(top(np.zeros(h))) - 0
    inner, body = np.zeros(h, int), b""
    for i in range(done):
        inner[i] = at + len(body)
        points, where = [], inner[i] + len(row(0, i, np.zeros(w)))
        for j in range(w):
            points.append(where)
            where += len(point(0, i, j))
        body += row(0, i, points) + b"".join(point(0, i, j) for j in range(w))
    extra = at + len(body) if pvs else 0
    head = struct.pack(">fi", 1.3, 7) + struct.pack(">iiii", 3, h, w, channels) + struct.pack(">ii", 1, extra)
    tail = struct.pack(">i", len(pvs)) if pvs else b""
    for name, value in pvs:
        tail += _text(name) + _text("") + struct.pack(">ii", 34, 1) + _text("keV") + struct.pack(">d", value)
    path.write_bytes(head + top(inner) + body + tail)
