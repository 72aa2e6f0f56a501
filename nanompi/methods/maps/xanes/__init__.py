"""Maps of absorption spectra near an edge (XANES): from stacks of images to edges, species and components."""
