"""Waiting for others and the sum itself are told apart, and all bytes are counted."""

import json

import pytest

PROGRAM = """
import time
import numpy as np
from nanompi.timing import Clock
from nanompi.mpi.halo import HaloExchange
from nanompi.mpi.team import Team
with Team() as team:
    team.barrier()
    team.count_in(Clock())
    a = np.ones((100, 100), np.complex64)
    with team.clock.phase("iterate"):
        if team.rank == 1:
            time.sleep(2)
        team.sum(a)
    team.settle()
    everyone = team.gather((team.clock.seconds, team.clock.sent, float(a[0, 0].real)))
    if team.root:
        import json
        print(json.dumps(everyone))
"""


EXCHANGE = PROGRAM.replace(
    "        team.sum(a)\n",
    """
        b = np.empty_like(a)
        exchange = HaloExchange(team, {1 - team.rank: a}, {1 - team.rank: b})
        for _ in range(2):  # the second time both are there
            exchange.start()
            exchange.poll()
            exchange.wait()
        a += b
""",
)


@pytest.mark.every_mpi
@pytest.mark.slow
@pytest.mark.parametrize(("program", "times"), [(PROGRAM, 1), (EXCHANGE, 2)])
def test_a_late_rank_costs_the_other_waiting_and_not_combining(mpirun, program, times):
    ranks = json.loads(mpirun(2, program).stdout)
    early, late = (seconds for seconds, *_ in ranks)
    assert early["wait"] > 1.2 and late["wait"] < 1
    assert max(r["combine"] for r in (early, late)) < 1 and early["iterate"] < 1 < late["iterate"]
    assert all(sent == {"iterate": 80_000 * times} and value == 2 for _, sent, value in ranks)
