"""What one run of a sweep leaves for the next: as much as the two jobs have in common, and no more."""

from types import SimpleNamespace

from nanompi.run.perform import Run
from nanompi.run.reuse import Reuse, common
from nanompi.workflow.sweep.work import ordered, parts
from nanompi.workflow.task import Task


def job(size=1, modes=1, file="a", threads=1):
    steps = [{"use": "prepare", "size": size}, {"use": "ptycho", "modes": modes}]
    return {"input": {"file": file}, "run": {"threads": threads}, "steps": steps}


def test_common_counts_first_steps():
    assert common(job(), job()) == 2
    assert common(job(), job(modes=2)) == 1
    assert common(job(), job(size=2)) == 0
    assert common(job(), job(file="b")) == common(job(), job(threads=2)) == -1


def a_run(**made):
    return Run(team=None, device="cpu", options=None, folder=None, made=made, data={"data": "scan"})


def test_the_next_run_gets_what_it_has_in_common():
    reuse, first = Reuse(), a_run()
    reuse.next(1)
    assert reuse.give(first) == -1
    reuse.take(first, 0)
    first.made["frames"] = "large"
    reuse.take(first, 1)
    first.made["ptycho"] = "image"
    reuse.take(first, 2)
    reuse.next(0)
    second = a_run()
    assert reuse.give(second) == 1 and second.made == {"frames": "large"} and reuse.device == "cpu"
    reuse.next(-1)
    third = a_run(x=1)
    assert reuse.give(third) == 0 and third.made == {}
    reuse.next(-1)
    assert reuse.give(a_run()) == -1 and reuse.after == [] and reuse.device is None


def test_steps_that_were_done_in_one_pass_are_kept_together():
    reuse, first = Reuse(), a_run()
    reuse.next(2)
    reuse.take(first, 0)
    first.given["data"] = None
    reuse.take(first, 2)
    reuse.next(1)
    again = a_run()
    assert reuse.give(again) == 2 and again.given == {"data": None}
    reuse.next(1)
    assert reuse.give(a_run()) == 0  # what the first of them has left is nowhere


def test_settings_with_the_same_first_steps_follow_each_other():
    """The sweep over frames stands last in the job, and yet they are prepared twice and not six times"""
    jobs = [job(size=s, modes=m) for m in (1, 2, 3) for s in (10, 20)]
    tasks = [Task(k, None, {}, SimpleNamespace(resolved=j)) for k, j in enumerate(jobs)]
    assert [t.number for t in ordered(tasks)] == [0, 2, 4, 1, 3, 5]


def test_groups_get_neighbouring_settings():
    assert parts(list(range(7)), 3) == [[0, 1], [2, 3], [4, 5, 6]]
