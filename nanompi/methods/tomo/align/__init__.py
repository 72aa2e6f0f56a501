"""Alignment of projections: how far each stands from where it should, from the projections alone."""
