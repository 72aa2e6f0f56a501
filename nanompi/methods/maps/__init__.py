"""Maps: one value or spectrum for each point of a scan."""
