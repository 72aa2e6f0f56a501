"""From a job file to checked steps: load (YAML), model (values), order (of steps), job, resolve, folder."""
