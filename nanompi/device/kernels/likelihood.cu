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

// 8 M + c: F and counts read
extern "C" __global__ void __launch_bounds__(THREADS, SOME)
photons_PIXELS(const Complex* __restrict__ F, const COUNT* __restrict__ I, const REAL* __restrict__ mask,
               const REAL* __restrict__ gain, const REAL* __restrict__ given, double* shares, REAL back, int n, int M,
               int h, int w) {
    const wide hw = (wide)h * w;
    REAL sums[2] = {0, 0};  // counts of the waves, photons of the model
    auto patch = [&](int j, int y, int x, int rows) {
        const wide here = (wide)y * w + x, q = j * M * hw + here;
        const Counts<PIXELS> c(I + j * hw + here, mask + here, w, rows);
        Modes<0, PIXELS> modes;
        const Patch<REAL, PIXELS> square = modes.load(F + q, M, hw, w, rows);
        each<PIXELS>([&](int r, int i) {
            const REAL m = gain[j] * square(r, i), own = back > 0 ? m / (m + back + EPS) : REAL(1);
            sums[0] += c.k(r, i) * c.i(r, i) * own;
            sums[1] += c.k(r, i) * given[j] * square(r, i);
        });
    };
    each_patch<PIXELS>(n, h, w, patch, [&](int j) { frame_sums(sums, shares, j); });
}

// 16 M + c: F and counts read, z written; for M > 4 F is read once more, from the cache
extern "C" __global__ void __launch_bounds__(THREADS, SOME)
gradient_MODES_PIXELS(const Complex* F, const COUNT* __restrict__ I, const REAL* __restrict__ mask,
                      const REAL* __restrict__ gain, Complex* z, double* part, REAL back, int noise, int n, int M,
                      int h, int w) {
    const wide hw = (wide)h * w;
    REAL L[1] = {0};
    each_patch<PIXELS>(n, h, w, [&](int j, int y, int x, int rows) {
        const wide here = (wide)y * w + x, q = j * M * hw + here;
        const Counts<PIXELS> c(I + j * hw + here, mask + here, w, rows);
        Modes<MODES, PIXELS> modes;
        Patch<REAL, PIXELS> scale = modes.load(F + q, M, hw, w, rows);
        each<PIXELS>([&](int r, int i) {
            const REAL a = gain[j] * scale(r, i) + back;
            scale(r, i) = gain[j] * c.k(r, i) * terms(a, c.i(r, i), noise).L1;
            L[0] += c.k(r, i) * value(a, c.i(r, i), noise);
        });
        modes.store(z + q, F + q, M, hw, w, rows, scale);
    });
    block_sums(L, part);
}

// 16 M + c: F, D and counts read
extern "C" __global__ void __launch_bounds__(THREADS, SOME)
line_PIXELS(const Complex* __restrict__ F, const Complex* __restrict__ D, const COUNT* __restrict__ I,
            const REAL* __restrict__ mask, const REAL* __restrict__ gain, double* part, REAL back, int noise, int n,
            int M, int h, int w) {
    const wide hw = (wide)h * w;
    REAL sums[2] = {0, 0};
    each_patch<PIXELS>(n, h, w, [&](int j, int y, int x, int rows) {
        using Waves = Patch<Complex, PIXELS>;
        const wide here = (wide)y * w + x, q = j * M * hw + here;
        const Counts<PIXELS> c(I + j * hw + here, mask + here, w, rows);
        Patch<REAL, PIXELS> a = {}, b1 = {};
        for (wide m = 0; m < M * hw; m += hw) {
            const Waves f = Waves::read(F + q + m, w, rows), d = Waves::read(D + q + m, w, rows);
            each<PIXELS>([&](int r, int i) {
                a(r, i) += abs2(f(r, i));
                b1(r, i) += f(r, i).x * d(r, i).x + f(r, i).y * d(r, i).y;
            });
        }
        each<PIXELS>([&](int r, int i) {
            const REAL b = 2 * gain[j] * b1(r, i);
            const Terms t = terms(gain[j] * a(r, i) + back, c.i(r, i), noise);
            sums[0] += c.k(r, i) * t.L1 * b;
            sums[1] += c.k(r, i) * t.J * b * b;
        });
    });
    block_sums(sums, part);
}

// 8 M + c: F and counts read
extern "C" __global__ void __launch_bounds__(THREADS, SOME)
figures_PIXELS(const Complex* __restrict__ F, const COUNT* __restrict__ I, const REAL* __restrict__ mask,
               const REAL* __restrict__ gain, const REAL* __restrict__ expected, double* part, REAL back, int last,
               int n, int M, int h, int w) {
    const wide hw = (wide)h * w;
    REAL sums[8] = {};
    each_patch<PIXELS>(n, h, w, [&](int j, int y, int x, int rows) {
        const wide here = (wide)y * w + x, q = j * M * hw + here;
        const Counts<PIXELS> c(I + j * hw + here, mask + here, w, rows);
        Modes<0, PIXELS> modes;
        const Patch<REAL, PIXELS> sum = modes.load(F + q, M, hw, w, rows);
        each<PIXELS>([&](int r, int i) {
            const REAL a = gain[j] * sum(r, i) + back, I = c.i(r, i), sa = root(a), si = root(I), u = sa * 32;
            REAL mean = 1 + 1 / (6 * (a > 1 ? a : 1));
            if (u < last) {
                const int k = (int)u;
                mean = expected[k] + (u - k) * (expected[k + 1] - expected[k]);
            }
            const REAL least = REAL(1e-9), some = I > least ? I : least, d = sa - si;
            const REAL term[8] = {2 * (a - I + I * logarithm(some / (a + FLOOR))), mean, d > 0 ? d : -d, si,
                                  d * d, I, a, 1};
#pragma unroll
            for (int k = 0; k < 8; ++k) sums[k] += c.k(r, i) * term[k];
        });
    });
    block_sums(sums, part);
}
