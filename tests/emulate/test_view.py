"""The live view of a run on a card."""

import numpy as np
import pytest

from nanompi.methods.ptycho import view as module
from nanompi.methods.ptycho.view import view
from tests.scene import problem


@pytest.mark.slow
def test_the_view_of_a_run_on_a_card_is_that_on_the_cpu(card, monkeypatch):
    """Whole, and in squares of pixels"""
    for side in (module.SIDE, 20):
        monkeypatch.setattr(module, "SIDE", side)
        want = view(problem()[0], (1e-8, 1e-8))()
        with card("double", False) as device:
            found = view(problem(device=device)[0], (1e-8, 1e-8))()
        for name in ("phase", "amplitude", "probe"):
            assert np.allclose(found[name].data, want[name].data, atol=1e-5 * abs(want[name].data).max())
            assert isinstance(found[name].data, np.ndarray) and max(found[name].data.shape) <= side
