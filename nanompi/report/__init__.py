"""For people: pictures of results, and the table of runs with their states."""
