"""What the NeXus definition NXtomoproc asks of the result of a tomogram, beside the volume itself.

manual.nexusformat.org/classes/applications/NXtomoproc.html: entry with title, definition, instrument/source,
sample, reconstruction with its parameters; data with data, x, y, z. What nobody has told is "unknown".
"""

import datetime
from dataclasses import fields

import nanompi

GROUPS = {
    "instrument": "NXinstrument",
    "instrument/source": "NXsource",
    "sample": "NXsample",
    "reconstruction": "NXprocess",
    "reconstruction/parameters": "NXparameters",
}


def describe(result, name: str, step, volume) -> None:
    """Into the arrays of a result. name : of the job; step : that made the volume; volume : its data"""
    now = datetime.datetime.now(datetime.UTC).astimezone().isoformat(timespec="seconds")
    result.groups |= GROUPS
    result.arrays |= {
        "title": name or "tomogram",
        "definition": "NXtomoproc",
        "instrument/source/type": "unknown",
        "instrument/source/name": "unknown",
        "instrument/source/probe": "x-ray",
        "sample/name": name or "unknown",
        "reconstruction/program": "nanompi",
        "reconstruction/version": nanompi.__version__,
        "reconstruction/date": now,
        "reconstruction/parameters/raw_file": volume.file or "simulated",
    }
    for field in fields(step):
        value = getattr(step, field.name)
        place = f"reconstruction/parameters/{field.name}"
        result.arrays[place] = value if isinstance(value, int | float | str) else str(value)
