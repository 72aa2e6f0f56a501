"""What the figures of the log and of a verdict mean, for those who only ask: neither need be loaded."""

FIGURES = {
    "held": "deviance of frames that the engines did not see over its expectation: 1 = counting noise; as in "
    "log and history",
    "held_error": "its standard error",
    "eps_held": "relative error of the amplitudes of these frames beyond the noise of the counts",
    "fano": "variance of the counts over their mean: what held is for a right model; 1 = counting noise",
    "misfit": "the same as held of the frames that were seen: below 1, as a model follows their noise",
    "mean_frame": "the same of the mean frame scaled to each: what a model without an image reaches",
    "unseen": "part of what frames differ by from their mean that is foretold of unseen ones",
    "share_flux": "part of the misfit that a factor for each frame would take away, at least",
    "share_background": "the same of counts that lie in every pixel",
    "share_too_high": "the same of a lower background than the model has; background_right: the "
    "level that this asks for, background: as it is, background_auto: as `auto` has it, counts in each pixel",
    "share_blur": "the same of two more modes, or of a wide source in the near field",
    "share_positions": "the same of a move of each frame; 0 where the probe of each frame is another one",
    "share_affine": "the same of one turn and stretch of all positions; affine_sigmas: in error bars",
    "share_pixels": "part of the misfit in pixels whose mean counts no wave explains",
    "move": "px, median of the moves that frames ask for; move_noise: of chance",
    "moved": "px, rms along each axis, by which frames were moved; at_reach: frames moved as far as they may",
    "noise": "rad, of the phase, as the photons per pixel of the object make expect",
    "steep": "rad, by which the phase differs from one pixel to the next at most (of 99 %)",
    "sign": "correlation of phase and log of the amplitude: above 0 for matter in X-rays; sign_error",
    "fall": "of llk in the last ten iterations",
    "skipped": "iterations that were not made, as the run was stopped early",
    "iterations": "those that were made",
}

HISTORY = {  # of each iteration: unit, meaning
    "iteration": ("", "number of the iteration, from 1"),
    "engine": ("", "engine that made it"),
    "error": ("", "of projections: distance of the modelled amplitudes to the measured ones, over these; of "
              "ML: log likelihood per pixel above its least. The two cannot be compared"),
    "step": ("", "of ML: length along its direction"),
    "R": ("", "sum |sqrt(model) - sqrt(counts)| / sum sqrt(counts)"),
    "r2": ("", "sqrt(sum (sqrt(model) - sqrt(counts))^2 / sum counts)"),
    "llk": ("", "Poisson deviance over its expectation: 1 = nothing but counting noise is left; of few "
            "counts (less than about one in a pixel) any image has 1"),
    "deviance": ("counts", "mean over pixels of model - counts + counts log(counts / model)"),
    "photons": ("counts", "mean photons of the model in a frame"),
    "intensity": ("", "in the log in place of photons where the values are no counts: mean of the model in "
                  "a frame, in units of the file"),
    "R_held": ("", "R of frames that the engines did not see"),
    "confirmed": ("", "part of the structure foretold for frames that the engines did not see that their "
                  "counts have: 1 = all of it, 0 = none, at any number of counts. Above 1 they have more "
                  "than is foretold: some percent by chance, else the model is too flat (few "
                  "iterations, too high a background)"),
}  # fmt: skip
