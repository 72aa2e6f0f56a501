"""What a run can do. Nothing outside this folder knows a method but by its registry."""
