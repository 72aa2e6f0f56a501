"""Which changes of a job make it another one: a checkpoint of the old one then does not serve."""

from nanompi.job import yaml12
from nanompi.job.identity import identity, same_job
from nanompi.job.job import read_job

JOB = "nanompi: 1\ninput: {file: a.scan}\nsteps:\n  - {use: ptycho.prepare, split: kmeans}\n  - use: ptycho\n"


def test_how_it_is_computed_may_change_and_what_is_computed_may_not(here):
    (here / "job.yaml").write_text(JOB)
    job = read_job("job.yaml")
    text = yaml12.write(job.resolved)

    def other(*sets):
        """(does a checkpoint serve, is it the same job as written)"""
        new = read_job("job.yaml", sets)
        return identity(new) == identity(job), same_job(text, new.resolved)

    assert other("run.threads=3", "steps.ptycho.prepare.split=stripes") == (True, True)
    assert other("steps.ptycho.prepare.size=16") == (False, False)
