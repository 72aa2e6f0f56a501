// Slopes and curvatures of unknowns; scores.py is the contract. 24 M + c bytes in single precision, per pixel of a frame,
// for M modes and counts of c bytes: F, Dy, Dx and counts read; the neighbours' F come from the cache. A thread has one
// pixel and goes through all frames, so that a pixel's sums need no other thread; a frame's sums are those of the blocks.

__device__ inline REAL model(const Complex* __restrict__ F, REAL gain, REAL background, int M, wide hw) {
    REAL a = 0;
    for (int m = 0; m < M; ++m) a += abs2(F[m * hw]);
    return gain * a + background;
}

extern "C" __global__ void __launch_bounds__(THREADS, SOME)
scores(const Complex* __restrict__ F, const Complex* __restrict__ Dy, const Complex* __restrict__ Dx,
       const COUNT* __restrict__ I, const REAL* __restrict__ mask, const REAL* __restrict__ gain,
       const REAL* __restrict__ expected, double* maps, double* part, REAL background, int far, int last, int n, int M, int h,
       int w) {
    const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    const wide hw = (wide)h * w, here = (wide)y * w + x;
    const bool inside = x < w && y < h;
    const wide up = (wide)(y ? y - 1 : h - 1) * w + x, down = (wide)(y + 1 < h ? y + 1 : 0) * w + x;
    const wide left = (wide)y * w + (x ? x - 1 : w - 1), right = (wide)y * w + (x + 1 < w ? x + 1 : 0);
    double total[PIXEL_SUMS] = {0, 0, 0};
    for (int j = 0; j < n; ++j) {
        REAL own[FRAME_SUMS] = {};
        if (inside) {
            const Complex* const f = F + j * M * hw;
            const REAL g = gain[j], a = model(f + here, g, background, M, hw);
            REAL by = 0, bx = 0;
            for (wide q = here; q < M * hw; q += hw) {
                const Complex d = Dy[j * M * hw + q], e = Dx[j * M * hw + q];
                by += f[q].x * d.x + f[q].y * d.y;
                bx += f[q].x * e.x + f[q].y * e.y;
            }
            by *= 2 * g, bx *= 2 * g;
            REAL blur = 0;
            if (far) {
                for (wide m = 0; m < M * hw; m += hw)
                    blur += abs2(f[m + up] + REAL(-1) * f[m + down]) + abs2(f[m + left] + REAL(-1) * f[m + right]);
                blur *= g / 4;
            } else {
                blur = model(f + up, g, background, M, hw) + model(f + down, g, background, M, hw) +
                       model(f + left, g, background, M, hw) + model(f + right, g, background, M, hw) - 4 * a;
            }
            const COUNT c = I[j * hw + here];
            const REAL k = c < 0 ? REAL(0) : mask[here], i = c > 0 ? REAL(c) : REAL(0), u = root(a) * 32;
            REAL mean = 1 + 1 / (6 * (a > 1 ? a : 1));
            if (u < last) {
                const int at = (int)u;
                mean = expected[at] + (u - at) * (expected[at + 1] - expected[at]);
            }
            const REAL least = REAL(1e-9), log_i = logarithm(i > least ? i : least), J = k / (a + SOFT);
            const REAL r = (a - i) * J, dev = k * 2 * (a - i + i * (log_i - logarithm(a + FLOOR)));
            const REAL term[FRAME_SUMS] = {dev,         k * mean,    k * i,    k * a,           k * i * log_i,
                                              r * by,      r * bx,      J * by * by, J * by * bx,  J * bx * bx,
                                              r * blur,    J * blur * blur, J * blur * a, r, J};
            for (int t = 0; t < FRAME_SUMS; ++t) own[t] = term[t];
            total[0] += dev - k * mean, total[1] += k * i, total[2] += k * a;
        }
        block_sums(own, part + (wide)j * gridDim.x * gridDim.y * FRAME_SUMS);
        __syncthreads();  // before the next frame takes the shared sums
    }
    if (inside)
        for (int t = 0; t < PIXEL_SUMS; ++t) maps[t * hw + here] += total[t];
}
