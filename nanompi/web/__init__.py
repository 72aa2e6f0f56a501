"""The page of `nanompi serve`: who may come in, what it shows, what it starts."""
