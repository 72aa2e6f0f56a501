"""The tests of whole engines of tests/emulate, on a real card."""

import pytest

from tests.emulate.test_beyond_the_card import (  # noqa: F401
    test_a_dense_scan_beyond_the_card_is_reconstructed,
    test_the_waves_of_a_dense_scan_beyond_the_card_are_made,
)
from tests.emulate.test_engines import (  # noqa: F401
    outcome,
    test_an_array_partly_beside_the_card_comes_back_whole,
    test_atomic_sums_give_the_same_answer_to_rounding,
    test_engines_give_the_answer_of_the_cpu,
    test_frames_beyond_the_card_give_the_same_bits,
    test_ml_with_other_noise_prior_and_bounds,
    test_the_same_run_gives_the_same_bits,
    test_too_small_a_card_is_said_with_numbers,
)
from tests.scene import phase_error, problem  # noqa: F401

pytestmark = pytest.mark.gpu


def test_fifty_iterations_in_single_give_the_image_of_the_cpu(card):
    """R to 1 %, phase to 1e-3 rad"""
    import numpy as np

    how = {"precision": "single", "frames": 100, "n": 64}
    with card("single") as device:
        on_card = outcome(how, "DM", 50, device=device)
    on_cpu = outcome(how, "DM", 50)
    assert on_card[0][-1]["R"] == pytest.approx(on_cpu[0][-1]["R"], rel=0.01)
    p, _, _ = problem(**how)
    lit = p.object_weights(p.P[None])
    lit = lit > 0.3 * lit.max()
    turn = np.vdot(on_cpu[1][lit], on_card[1][lit])
    difference = np.angle(on_card[1] * on_cpu[1].conj() * turn.conj())[lit]
    assert np.sqrt((difference**2).mean()) < 1e-3
