"""Orientation of the stored frames: the 8 flips and transposes of a frame as one number.

number = 4 * transpose + 2 * flipud + 1 * fliplr, the same as the booleans [transpose, flipud, fliplr]; the
transpose comes first, then rows are reversed (flipud), then columns (fliplr):

    0 as stored       1 fliplr               2 flipud               3 both = turned by 180 degrees
    4 transposed      5 and then fliplr      6 and then flipud      7 and then both
"""

from nanompi.errors import JobError

AUTO = "auto"

Orientation = tuple[bool, bool, bool]


def orientation(value) -> Orientation:
    """(transpose, flipud, fliplr) from a number 0..7 or three booleans. Errors: JobError."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 7:
        return bool(value & 4), bool(value & 2), bool(value & 1)
    if isinstance(value, list | tuple) and len(value) == 3 and all(isinstance(v, bool) for v in value):
        return tuple(value)
    raise JobError(
        f"orientation: {value!r}; allowed: a number 0 to 7 or three booleans [transpose, flipud, fliplr], "
        "where the number is 4 * transpose + 2 * flipud + fliplr"
    )


def number(o: Orientation) -> int:
    """The orientation as a number 0..7."""
    return 4 * o[0] + 2 * o[1] + o[2]


def turned(pair, o: Orientation):
    """(row, column) things such as a shape or a pixel size, after the transpose."""
    return (pair[1], pair[0]) if o[0] else (pair[0], pair[1])


def moved(point, shape, o: Orientation) -> tuple[float, float]:
    """Where a point (row, column) of a stored frame of this shape lies in the turned frame."""
    r, c = turned(point, o)
    h, w = turned(shape, o)
    return (h - 1 - r if o[1] else r), (w - 1 - c if o[2] else c)
