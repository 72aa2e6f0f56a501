"""Run by mpirun: nanompi whose watchdog has little patience as soon as a program of the user's runs.

What comes before may take as long as a busy machine wants.
"""

import sys

from nanompi.cli import main
from nanompi.methods.own.work import Work
from nanompi.run.watchdog import Watchdog

LIMIT = 4.0  # seconds
look, perform, dogs = Watchdog._look, Work.perform, []


def seen(dog, *what):
    look(dog, *what)
    dogs.append(dog)


def watched(work):
    dog = dogs[-1]
    dog.limit, dog.grace, dog.step, dog.quiet = LIMIT, LIMIT / 2, LIMIT / 8, 0.0
    perform(work)
    dog.limit = 600.0


if __name__ == "__main__":
    Watchdog._look, Work.perform = seen, watched
    sys.exit(main(sys.argv[1:]))
