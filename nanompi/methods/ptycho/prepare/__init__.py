"""From stored frames to the counts that an engine works on: one theme = one file, joined by `prepare`."""
