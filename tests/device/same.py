"""Lists of arrays, compared as a test does it."""

from nanompi.device.checks.scene import apart


def same(want, got, tolerance, place=""):
    """Equal, each array within `tolerance` of its largest value."""
    assert len(want) == len(got)
    for k, (a, b) in enumerate(zip(want, got)):
        assert apart(a, b) <= tolerance, f"{place}[{k}]"
