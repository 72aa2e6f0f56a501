"""A sweep: its folder, the work of the groups of ranks, and what is collected at the end."""
