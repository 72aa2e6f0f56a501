"""Workflows: stages of runs that need one another; here, or each stage as an array of Slurm."""
