"""Which planes of data with axes are looked at."""

from nanompi.data.data import PATTERNS

FRAMES = PATTERNS["frame"]  # axes of what can be shown as an image
MAP = ("y", "x")  # of a result that is one value at each point of a scan
SPACE = ("z", "y", "x")  # of which three planes are shown


def planes(axes: tuple[str, ...]) -> list[tuple[str, tuple[str, str]]]:
    """(what is added to the name, axes) of the images of data with these axes."""
    if set(axes) == set(SPACE):
        return [("", ("y", "x")), ("-zx", ("z", "x")), ("-zy", ("z", "y"))]
    pair = next((p for p in (axes[-2:], *FRAMES) if p in FRAMES and set(p) <= set(axes)), None)
    return [("", pair)] if pair else []
