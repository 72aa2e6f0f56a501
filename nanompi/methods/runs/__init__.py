"""What earlier runs have given, as the input of another: of a stage, of a folder, of a list."""
