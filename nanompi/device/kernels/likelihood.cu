// The likelihood of the counts; likelihood.py is the contract. Bytes in single precision, per pixel of a frame, for M
// modes and counts of c bytes.

struct Terms {
    REAL L1, J;
};

__device__ inline Terms terms(REAL a, REAL i, int noise) {
    if (noise == GAUSSIAN) return {(a - i) / (i + 1), 1 / (i + 1)};
    const REAL J = 1 / (a + EPS);
    return {noise == POISSON ? 1 - i * J : 2 - 2 * root(i * J), J};
}

__device__ inline REAL value(REAL a, REAL i, int noise) {
    if (noise == POISSON) return a - i * logarithm(a + EPS);
    if (noise == GAUSSIAN) return (a - i) * (a - i) / (2 * (i + 1));
    const REAL d = root(a + EPS) - root(i);
    return 2 * d * d;
}

// One pixel at the detector; returns its L
template <int N>
__device__ inline REAL gradient_pixel(const Complex* f, Complex* z, int M, wide hw, REAL gain, Count c, int noise) {
    Modes<N> modes;
    const REAL a = gain * modes.load(f, M, hw);
    modes.store(z, f, M, hw, gain * c.k * terms(a, c.i, noise).L1);
    return c.k * value(a, c.i, noise);
}

// 16 M + c: F and counts read, z written; for M > 4 F is read once more, from the cache
extern "C" __global__ void __launch_bounds__(THREADS, 3)
gradient(const Complex* F, const COUNT* __restrict__ I, const REAL* __restrict__ mask, const REAL* __restrict__ gain,
         Complex* z, double* part, int noise, int n, int M, int h, int w) {
    const wide hw = (wide)h * w;
    REAL L[1] = {0};
    each_pixel(n, h, w, [&](int j, int y, int x) {
        const wide here = (wide)y * w + x, q = j * M * hw + here;
        const Count c(I[j * hw + here], mask[here]);
        L[0] += WITH_MODES(gradient_pixel, M, F + q, z + q, M, hw, gain[j], c, noise);
    });
    block_sums(L, part);
}

// 16 M + c: F, D and counts read
extern "C" __global__ void __launch_bounds__(THREADS, 3)
line(const Complex* __restrict__ F, const Complex* __restrict__ D, const COUNT* __restrict__ I,
     const REAL* __restrict__ mask, const REAL* __restrict__ gain, double* part, int noise, int n, int M, int h,
     int w) {
    const wide hw = (wide)h * w;
    REAL sums[2] = {0, 0};
    each_pixel(n, h, w, [&](int j, int y, int x) {
        const wide here = (wide)y * w + x, q = j * M * hw + here;
        const Count c(I[j * hw + here], mask[here]);
        REAL a = 0, b1 = 0;
        for (wide m = 0; m < M * hw; m += hw) {
            const Complex f = F[q + m], d = D[q + m];
            a += abs2(f);
            b1 += f.x * d.x + f.y * d.y;
        }
        a *= gain[j], b1 *= 2 * gain[j];
        const Terms t = terms(a, c.i, noise);
        sums[0] += c.k * t.L1 * b1;
        sums[1] += c.k * t.J * b1 * b1;
    });
    block_sums(sums, part);
}

// 8 M + c: F and counts read
extern "C" __global__ void __launch_bounds__(THREADS, 3)
figures(const Complex* __restrict__ F, const COUNT* __restrict__ I, const REAL* __restrict__ mask,
        const REAL* __restrict__ gain, const REAL* __restrict__ expected, double* part, int last, int n, int M, int h,
        int w) {
    const wide hw = (wide)h * w;
    REAL sums[8] = {};
    each_pixel(n, h, w, [&](int j, int y, int x) {
        const wide here = (wide)y * w + x, q = j * M * hw + here;
        const Count c(I[j * hw + here], mask[here]);
        REAL a = 0;
        for (wide m = 0; m < M * hw; m += hw) a += abs2(F[q + m]);
        a *= gain[j];
        const REAL sa = root(a), si = root(c.i), u = sa * 32;
        REAL mean = 1 + 1 / (6 * (a > 1 ? a : 1));
        if (u < last) {
            const int k = (int)u;
            mean = expected[k] + (u - k) * (expected[k + 1] - expected[k]);
        }
        const REAL least = REAL(1e-9), i = c.i > least ? c.i : least;
        const REAL term[8] = {2 * (a - c.i + c.i * logarithm(i / (a + FLOOR))), mean, sa > si ? sa - si : si - sa, si,
                              (sa - si) * (sa - si), c.i, a, 1};
#pragma unroll
        for (int k = 0; k < 8; ++k) sums[k] += c.k * term[k];
    });
    block_sums(sums, part);
}
