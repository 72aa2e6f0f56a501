"""First jobs: each YAML file in this folder is one, by its name; this module is not imported."""
