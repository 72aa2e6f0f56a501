"""Ways of sums from card to card, tried on this node."""

from functools import partial

from nanompi.device.checks import Question
from nanompi.device.transport import trial


def _tried(kind, cupy):
    fault = trial(kind, 0)
    return f"no: {fault}" if fault else "yes", False if "wrong numbers" in fault else None if fault else True


QUESTIONS = [
    Question(
        "MPI reads the card's memory",
        "32 MB unharmed; or not, and then sums go another way",
        partial(_tried, "mpi"),
    ),
    Question("NCCL", "32 MB unharmed; or not, and then sums go another way", partial(_tried, "nccl")),
]
