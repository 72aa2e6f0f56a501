"""Arrays over the ranks: where their rows are, loaded, scattered, redistributed."""
