"""Words for numba of which a projection engine's sweep is made (sweep_cpu.py); as those of butterflies.py."""

from llvmlite import ir
from numba.core.cgutils import alloca_once_value
from numba.extending import intrinsic

from nanompi.device.butterflies import word
from nanompi.device.kernels.modulus import TINY


@intrinsic
def project(context, F, o, apart, modes, I, i, mask, k, gain, unit, back, rho, errors):
    """kernels.project for the pixels of a split wave at o of F, with those of the other modes, `apart` from
    each other; I and mask from i and k on. Their (A - sqrt(I))^2 are added to `errors`, in each lane"""

    def work(f, F, o, apart, modes, I, i, mask, k, gain, unit, back, rho, errors):
        zero, one, four, tiny = (f.constant(x) for x in (0, 1, 4, TINY))
        some, gain, unit, back, rho = back, *(f.spread(x) for x in (gain, unit, back, rho))
        end, sums = f.b.add(o, f.b.mul(apart, modes)), alloca_once_value(f.b, zero)
        with f.loop(o, end, apart) as at:
            f.b.store(f.add(f.b.load(sums), f.load_split(F, at).square()), sums)
        s, counts = f.mul(gain, f.b.load(sums)), f.load_numbers(I, i)
        known = f.b.fcmp_ordered(">=", counts, zero)
        good, counts = f.where(known, f.load(mask, k), zero), f.where(known, counts, zero)
        counts = _of_wave(f, counts, s, back, some, tiny)
        A, over_A, more = *f.roots(s), f.add(one, rho)
        root, _ = f.roots(f.add(f.mul(f.mul(rho, rho), s), f.mul(f.mul(four, more), counts)))
        d = f.sub(A, f.roots(counts)[0])
        f.store(f.add(f.load(errors, f.whole(0)), f.mul(good, f.mul(d, d))), errors, f.whole(0))
        t = f.mul(f.add(f.mul(rho, A), root), f.div(f.constant(0.5), more))
        factor = f.mul(unit, f.add(one, f.mul(good, f.sub(f.mul(t, over_A), one))))
        with f.loop(o, end, apart) as at:
            f.store_split(f.load_split(F, at).scale(factor), F, at)

    given = F, o, apart, modes, I, i, mask, k, gain, unit, back, rho, errors
    return word(work, "aiiitiairrrra")(context, *given)


def _of_wave(f, counts, s, back, some, tiny):
    """Counts times (s + tiny) / (s + back + tiny), where `some`, the background as a number, is not 0"""
    own = alloca_once_value(f.b, counts)
    with f.b.if_then(f.b.fcmp_unordered("!=", some, ir.Constant(f.real, 0))):
        bright = f.add(s, tiny)
        f.b.store(f.mul(counts, f.div(bright, f.add(bright, back))), own)
    return f.b.load(own)


@intrinsic
def mix_row(context, O, o, P, p, psi, q, n, a, b, z, t):
    """z = a P O + b psi for n waves in a row, interleaved; with b = 0 it does not matter what psi holds"""

    def work(f, O, o, P, p, psi, q, n, a, b, z, t):
        wide, factors = f.whole(2 * f.V), (f.spread(a), f.spread(b))
        with f.loop(f.whole(0), f.b.mul(n, wide), wide) as x:
            wave = (f.load_pairs(P, f.b.add(p, x)) * f.load_pairs(O, f.b.add(o, x))).scale(factors[0])
            rest = f.unless_zero(b, f.load_pairs(psi, f.b.add(q, x)).scale(factors[1]))
            f.store_pairs(wave + rest, z, f.b.add(t, x))

    return word(work, "aiaiaiirrai")(context, O, o, P, p, psi, q, n, a, b, z, t)


@intrinsic
def follow_row(context, O, o, P, p, psi, q, n, c, d, e, z, t, num, k):
    """psi <- c psi + d P O + e z, then num += P* psi, for n waves in a row, interleaved; with c = 0 it does
    not matter what psi holds"""

    def work(f, O, o, P, p, psi, q, n, c, d, e, z, t, num, k):
        wide, factors = f.whole(2 * f.V), [f.spread(x) for x in (c, d, e)]
        with f.loop(f.whole(0), f.b.mul(n, wide), wide) as x:
            probe, at, to = f.load_pairs(P, f.b.add(p, x)), f.b.add(q, x), f.b.add(k, x)
            wave = (probe * f.load_pairs(O, f.b.add(o, x))).scale(factors[1])
            wave = wave + f.load_pairs(z, f.b.add(t, x)).scale(factors[2])
            wave = wave + f.unless_zero(c, f.load_pairs(psi, at).scale(factors[0]))
            f.store_pairs(wave, psi, at)
            _add(f, probe, wave, num, to)

    return word(work, "aiaiaiirrraiai")(context, O, o, P, p, psi, q, n, c, d, e, z, t, num, k)


@intrinsic
def add_row(context, P, p, psi, q, n, num, k):
    """num += P* psi for n waves in a row, interleaved; with the bits of `follow_row`"""

    def work(f, P, p, psi, q, n, num, k):
        wide = f.whole(2 * f.V)
        with f.loop(f.whole(0), f.b.mul(n, wide), wide) as x:
            probe, wave = f.load_pairs(P, f.b.add(p, x)), f.load_pairs(psi, f.b.add(q, x))
            _add(f, probe, wave, num, f.b.add(k, x))

    return word(work, "aiaiiai")(context, P, p, psi, q, n, num, k)


@intrinsic
def slopes_row(context, P, p, z, q, a, b, o, n, sums):
    """sums += Re(a* g) in each lane, and behind them Re(b* g), g = P* z, for n waves in a row, interleaved;
    a and b from o on"""

    def work(f, P, p, z, q, a, b, o, n, sums):
        wide = f.whole(2 * f.V)
        with f.loop(f.whole(0), f.b.mul(n, wide), wide) as x:
            g = f.load_pairs(P, f.b.add(p, x)).conjugate() * f.load_pairs(z, f.b.add(q, x))
            for k, dO in enumerate((a, b)):
                d, at = f.load_pairs(dO, f.b.add(o, x)), f.whole(k * f.V)
                more = f.add(f.mul(d.re, g.re), f.mul(d.im, g.im))
                f.store(f.add(f.load(sums, at), more), sums, at)

    return word(work, "aiaiaaiia")(context, P, p, z, q, a, b, o, n, sums)


def _add(f, probe, wave, num, to):
    f.store_pairs(f.load_pairs(num, to) + probe.conjugate() * wave, num, to)
