"""The object of a diffraction pattern: what happens to it between two projections onto the pattern."""


def constrain(psi, z, S, c, d, t, positive):
    """psi <- z where the constraints hold, c psi + d z elsewhere.

    psi, z : (n, h, w) complex, the image before and after its projection onto the measured modulus
    S      : (n, h, w) bool, the support: there may be something
    They hold in the support; where `positive`, only if Re(z + t (z - psi)) >= 0 too, and of z the real part
    alone is taken. c, d, t are real.
    """
    inside = S.copy()
    if positive:
        inside &= z.real + t * (z.real - psi.real) >= 0
    there = z.real.astype(z.dtype) if positive else z
    psi *= c
    psi += d * z
    psi[inside] = there[inside]
