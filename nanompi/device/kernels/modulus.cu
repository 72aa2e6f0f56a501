// The Fourier modulus; modulus.py is the contract. Bytes in single precision, per pixel of a frame, for M modes and
// counts of c bytes.

// 16 M: z read and written; H from the cache
extern "C" __global__ void __launch_bounds__(THREADS)
transfer(Complex* z, const Complex* __restrict__ H, const int* __restrict__ at, int adjoint, int n, int M, int h,
         int w) {
    const wide hw = (wide)h * w;
    each_pixel(n, h, w, [&](int j, int y, int x) {
        const wide here = (wide)y * w + x, q = j * M * hw + here;
        Complex t = H[at[(wide)3 * j + 2] * hw + here];
        if (adjoint) t = conj(t);
        for (wide m = 0; m < M * hw; m += hw) z[q + m] = t * z[q + m];
    });
}

// 16 M + c: F and counts read, F written; for M > 4 F is read once more, from the cache
extern "C" __global__ void __launch_bounds__(THREADS, 3)
project(Complex* F, const COUNT* __restrict__ I, const REAL* __restrict__ mask, const REAL* __restrict__ gain,
        double* part, REAL unit, REAL rho, int n, int M, int h, int w) {
    const wide hw = (wide)h * w;
    const REAL four = 4 * (1 + rho), half = 1 / (2 * (1 + rho));
    REAL misfit[1] = {0};
    with_modes(M, [&](auto modes) {
        each_pixel(n, h, w, [&](int j, int y, int x) {
            const wide here = (wide)y * w + x;
            Complex* f = F + j * M * hw + here;
            const Count c(I[j * hw + here], mask[here]);
            // t = (rho A + sqrt(rho^2 A^2 + 4 (1 + rho) I)) / (2 (1 + rho))
            const REAL a = gain[j] * modes.load(f, M, hw), A = root(a);
            const REAL t = half * (rho * A + root(rho * rho * a + four * c.i));
            modes.store(f, f, M, hw, unit * (1 + c.k * (t / (A + REAL(1e-10)) - 1)));
            const REAL d = A - root(c.i);
            misfit[0] += c.k * d * d;
        });
    });
    block_sums(misfit, part);
}
