"""Lines to paste say where they belong, and a job takes them there."""

import pytest
import yaml

from nanompi.methods.ptycho.paste import placed


@pytest.mark.parametrize(
    "line, place",
    [
        ("distance: 1.99 m", "input"),
        ("select: {without: [3, 10:16]}", "input"),
        ("lag: -1", "input"),
        ("rotate: 5.02 deg", "input"),
        ("stretch: 0.0488", "input"),
        ("orientation: 4", "use: ptycho.prepare"),
        ("mask: {hot: 12, dead: true}", "use: ptycho.prepare"),
        ("positions: true", "use: ptycho"),
        ("probe: {modes: 3}", "use: ptycho"),
    ],
)
def test_the_place_is_a_comment(line, place):
    assert placed(line).endswith(f"  # {place}")
    assert yaml.safe_load(placed(line)) == yaml.safe_load(line)


def test_nothing_stays_nothing():
    assert placed("") == ""
