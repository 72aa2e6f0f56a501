"""What the figures of a verdict mean, for those who only ask: the judge itself need not be loaded."""

FIGURES = {
    "held": "deviance of frames that the engines did not see over its expectation: 1 = counting noise",
    "held_error": "its standard error",
    "eps_held": "relative error of the amplitudes of these frames beyond counting noise",
    "misfit": "the same as held of the frames that were seen: below 1, as a model follows their noise",
    "mean_frame": "the same of the mean frame scaled to each: what a model without an image reaches",
    "unseen": "part of what frames differ by from their mean that is foretold of unseen ones",
    "share_flux": "part of the misfit that a factor for each frame would take away, at least",
    "share_background": "the same of counts that lie in every pixel",
    "share_blur": "the same of two more modes, or of a wide source in the near field",
    "share_positions": "the same of a move of each frame; 0 where the probe of each frame is another one",
    "share_affine": "the same of one turn and stretch of all positions; affine_sigmas: in error bars",
    "share_pixels": "part of the misfit in pixels whose mean counts no wave explains",
    "move": "px, median of the moves that frames ask for; move_noise: of chance",
    "noise": "rad, of the phase, as the photons per pixel of the object make expect",
    "steep": "rad, by which the phase differs from one pixel to the next at most (of 99 %)",
    "sign": "correlation of phase and log of the amplitude: above 0 for matter in X-rays; sign_error",
    "fall": "of llk in the last ten iterations",
    "skipped": "iterations that were not made, as the run was stopped early",
}
