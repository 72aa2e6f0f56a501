"""Mathematics of waves and images: geometry, propagation, registration, Fourier ring correlation, ramps."""
