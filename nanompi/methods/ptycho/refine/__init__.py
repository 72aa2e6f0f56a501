"""Positions refined while the image is made (`positions: true`): Newton steps of each frame in ML.

Lost frames are found again.
"""

from nanompi.methods.ptycho.refine.refinement import GRID, Refinement, RefinePositions

__all__ = ["GRID", "RefinePositions", "Refinement"]
