"""Several runs: sweeps."""
