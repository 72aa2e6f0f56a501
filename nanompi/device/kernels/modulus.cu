// The Fourier modulus; modulus.py is the contract. Bytes in single precision, per pixel of a frame, for M modes and
// counts of c bytes.

// 16 M: z read and written; H from the cache
extern "C" __global__ void __launch_bounds__(THREADS, 4)
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

// One pixel at the detector; returns its misfit
template <int N>
__device__ inline REAL project_pixel(Complex* f, int M, wide hw, REAL gain, Count c, REAL unit, REAL rho) {
    Modes<N> modes;
    const REAL a = gain * modes.load(f, M, hw), A = root(a);
    // t = (rho A + sqrt(rho^2 A^2 + 4 (1 + rho) I)) / (2 (1 + rho))
    const REAL t = (rho * A + root(rho * rho * a + 4 * (1 + rho) * c.i)) * (1 / (2 * (1 + rho)));
    modes.store(f, f, M, hw, unit * (1 + c.k * (t / (A + REAL(1e-10)) - 1)));
    const REAL d = A - root(c.i);
    return c.k * d * d;
}

// 16 M + c: F and counts read, F written; for M > 4 F is read once more, from the cache
extern "C" __global__ void __launch_bounds__(THREADS, 3)
project(Complex* F, const COUNT* __restrict__ I, const REAL* __restrict__ mask, const REAL* __restrict__ gain,
        double* part, REAL unit, REAL rho, int n, int M, int h, int w) {
    const wide hw = (wide)h * w;
    REAL misfit[1] = {0};
    each_pixel(n, h, w, [&](int j, int y, int x) {
        const wide here = (wide)y * w + x;
        const Count c(I[j * hw + here], mask[here]);
        misfit[0] += WITH_MODES(project_pixel, M, F + j * M * hw + here, M, hw, gain[j], c, unit, rho);
    });
    block_sums(misfit, part);
}
