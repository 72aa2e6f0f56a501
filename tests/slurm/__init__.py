"""Real jobs on a real Slurm, started for the tests by `cluster.py`.

What happens, and how the job ends (each line is a test):

| what | Slurm's exit code | told |
|---|---|---|
| fault in the job file | 2 | once, with the place |
| srun with a wrong --mpi | 4 | N singletons instead of N ranks, and the cure (`nanompi doctor`) |
| error on one rank | its own (5 for NaN) | rank, host and reason: log, events.jsonl, `nanompi status` |
| scancel | CANCELLED | `stopped`, with a checkpoint where an iteration is done; no process after 10 s |
| USR1: end of wall time, preemption | requeued, then 0 | `nanompi resume`: the bits of an undisturbed run |
| a node dies | 4, or NODE_FAIL (Slurm saw it) | the connection to other ranks broke; nothing is left |
| a node is set down | requeued, then 0 | goes on from the last checkpoint on another node |
| cancelled while it waits | CANCELLED | `lost`: no longer in the queue |
| 3 of 30 items of a workflow fail | of their task 7, of a stage that can do without them 0 | names, reasons |
| the same, and 95 % are needed | 7 | names, and the command that takes up what is missing |
| a task of a workflow is requeued | as without | no item is done twice |
| a job that sbatch refuses | 4 from `nanompi submit` | sbatch's words; no folder is left |

Faults without Slurm, under mpirun of both MPI wheels (`test_mpi_faults.py`, `test_mpi_restart.py`,
`test_mpi_run.py`, `test_mpi_sweep.py` in `tests/mpi/`):

| what | exit code | told, and what is kept |
|---|---|---|
| error on any rank, a library missing on one | its own | rank, host, reason; all ranks gone within 5 s |
| kill -9 of rank 0, of another rank, of mpirun | not 0 | no process is left; the last checkpoint is good |
| USR1, TERM, INT | 75 | a checkpoint; a second TERM ends at once |
| disk full, read-only folder: at a checkpoint | the run goes on | a warning; the one before is kept |
| disk full: at the result | 4 | the checkpoint stays: `nanompi resume` writes the result |
| checkpoint torn, changed, of another job | | named and refused; the one before is taken |
| two jobs in one run folder | 4 | host and process of the first |
| a rank that stands still | 4 | rank, host, phase and lines of code after `run.watchdog` |
| clock jump | none | only monotonic time decides |
| NaN in a frame | 5 | frame, rank |
| input truncated | 3 | the file and its size |
| input replaced while the run is stopped | 0 | the checkpoint is refused and set aside, the run begins anew |
| input on a path that only rank 0 sees | 0 | rank 0 reads and sends the frames |
| one setting of a sweep fails | 7 | the others are done; `--resume` tries it again |
"""
