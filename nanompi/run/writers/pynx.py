"""`/entry_last` of a result: the names by which scripts for results of PyNX open it; nothing is stored twice.

object/data              (1, rows, columns): an axis of modes before the object
object/obj_illumination  where the object was seen, and how well; x_pixel_size, y_pixel_size in m
probe/data, positions, process_1 (with command), instrument_1, image_1   those of entry_1
"""

import shlex

from nanompi.errors import shown

SAME = {"object/obj_illumination": "object/weight", "probe/data": "probe/data", "positions": "positions",
        "process_1": "process_1", "instrument_1": "instrument_1", "image_1": "image_1"}  # fmt: skip


def link(file, notes: dict):
    """Into an open result file that has all else; of one without an object nothing."""
    import h5py

    entry = file["entry_1"]
    if "object/data" not in entry or "probe/data" not in entry:
        return
    last = file.create_group("entry_last")
    last.attrs["NX_class"] = "NXentry"
    for name in ("object", "probe"):
        pixels(last.require_group(name), entry["object/pixel_size"][()])
    whole = entry["object/data"]
    layout = h5py.VirtualLayout((1, *whole.shape), whole.dtype)
    layout[0] = h5py.VirtualSource(".", whole.name, whole.shape, whole.dtype)
    last["object"].create_virtual_dataset("data", layout)
    for place, there in SAME.items():
        if there in entry:
            last[place] = h5py.SoftLink(f"/entry_1/{there}")
    if "command" not in entry["process_1"]:
        entry["process_1/command"] = command(notes)


def pixels(group, size):
    """The size of a pixel, (row, column) in m."""
    group.attrs["NX_class"] = "NXcollection"
    for name, length in zip(("y_pixel_size", "x_pixel_size"), size, strict=True):
        group[name] = float(length)
        group[name].attrs["units"] = "m"


def command(notes: dict) -> str:
    """The command line of a run, as one line."""
    return shown(shlex.join(map(str, notes.get("environment", {}).get("command", ["nanompi"]))))
