"""Clusters: Slurm scripts, the site file, measured scaling."""
