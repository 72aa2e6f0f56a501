// The Fourier modulus; modulus.py is the contract. Bytes in single precision, per pixel of a frame, for M modes and
// counts of c bytes.

// 16 M: z read and written; H from the cache
extern "C" __global__ void __launch_bounds__(THREADS, MANY)
transfer_PIXELS(Complex* z, const Complex* __restrict__ H, const int* __restrict__ at, int adjoint, int n, int M,
                int h, int w) {
    const wide hw = (wide)h * w;
    each_patch<PIXELS>(n, h, w, [&](int j, int y, int x, int rows) {
        using Waves = Patch<Complex, PIXELS>;
        const wide here = (wide)y * w + x, q = j * M * hw + here;
        Waves t = Waves::read(H + at[(wide)3 * j + 2] * hw + here, w, rows);
        if (adjoint) each<PIXELS>([&](int r, int i) { t(r, i) = conj(t(r, i)); });
        for (wide m = 0; m < M * hw; m += hw) {
            Waves f = Waves::read(z + q + m, w, rows);
            each<PIXELS>([&](int r, int i) { f(r, i) = t(r, i) * f(r, i); });
            f.write(z + q + m, w, rows);
        }
    });
}

// 16 M + c: F and counts read, F written; for M > 4 F is read once more, from the cache
extern "C" __global__ void __launch_bounds__(THREADS, SOME)
project_MODES_PIXELS(Complex* F, const COUNT* __restrict__ I, const REAL* __restrict__ mask,
                     const REAL* __restrict__ gain, double* part, REAL unit, REAL back, REAL rho, int n, int M, int h,
                     int w) {
    const wide hw = (wide)h * w;
    REAL misfit[1] = {0};
    each_patch<PIXELS>(n, h, w, [&](int j, int y, int x, int rows) {
        const wide here = (wide)y * w + x;
        const Counts<PIXELS> c(I + j * hw + here, mask + here, w, rows);
        Modes<MODES, PIXELS> modes;
        Complex* const f = F + j * M * hw + here;
        Patch<REAL, PIXELS> scale = modes.load(f, M, hw, w, rows);
        each<PIXELS>([&](int r, int i) {
            const REAL a = gain[j] * scale(r, i), A = root(a), k = c.k(r, i);
            REAL I = c.i(r, i);
            if (back != 0) I *= (a + TINY) / (a + back + TINY);
            // t = (rho A + sqrt(rho^2 A^2 + 4 (1 + rho) I)) / (2 (1 + rho))
            const REAL t = (rho * A + root(rho * A * (rho * A) + 4 * (1 + rho) * I)) * (1 / (2 * (1 + rho)));
            scale(r, i) = unit * (1 + k * (t / (A + REAL(1e-10)) - 1));
            const REAL d = A - root(I);
            misfit[0] += k * d * d;
        });
        modes.store(f, f, M, hw, w, rows, scale);
    });
    block_sums(misfit, part);
}
