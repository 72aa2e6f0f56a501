"""Methods of reconstruction, a class each, as `nanompi.methods.tomo.rays.Method` says."""
