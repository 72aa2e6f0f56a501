"""Steps of the user's own, which register nothing."""
