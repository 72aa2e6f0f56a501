"""The column of the rotation axis."""
