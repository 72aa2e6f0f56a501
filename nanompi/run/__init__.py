"""One run from start to end: the loop over steps, log, status, checkpoints, lock, watchdog, metrics."""
