"""Steps and first jobs of a beamline, for everybody who measures there."""
