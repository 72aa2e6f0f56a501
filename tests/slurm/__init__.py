"""Real jobs on a real Slurm, started for the tests by `cluster.py`.

What happens, and how the job ends (each line is a test):

| what | Slurm's exit code | told |
|---|---|---|
| fault in the job file | 2 | once, with the place |
| srun with a wrong --mpi | 4 | N singletons instead of N ranks, and the cure (`nanompi doctor`) |
| error on one rank | its own (5 for NaN) | rank, host and reason: log, events.jsonl, `nanompi status` |
| scancel | CANCELLED | `stopped (143)`; no process after 10 s |
| a node dies, Slurm does not know yet | 4 | the connection to other ranks broke; no process is left |
| a node is set down | requeued, starts with `nanompi resume` | no process is left |
| cancelled while it waits | CANCELLED | `lost`: no longer in the queue |
| a job that sbatch refuses | 4 from `nanompi submit` | sbatch's words; no folder is left |
"""
