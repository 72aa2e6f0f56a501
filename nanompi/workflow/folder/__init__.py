"""A folder that is watched: each new complete file in it becomes a run, or a submission to Slurm."""
