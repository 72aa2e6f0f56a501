// What a move of each frame does to its likelihood; displacement.py is the contract. A block for each frame, its threads
// side by side along the rows.

// 24 a pixel in single precision: O read, once from memory, both written
extern "C" __global__ void __launch_bounds__(THREADS)
derivatives(const Complex* __restrict__ O, Complex* __restrict__ Oy, Complex* __restrict__ Ox, REAL a, REAL b, REAL c,
            int H, int W) {
    const wide all = (wide)H * W;
    for (wide p = (wide)blockIdx.x * THREADS + threadIdx.x; p < all; p += (wide)gridDim.x * THREADS) {
        const int y = p / W, x = p % W;
        const Complex none = {0, 0};
        auto apart = [&](wide k) { return Complex{O[p + k].x - O[p - k].x, O[p + k].y - O[p - k].y}; };
        auto along = [&](wide k) { return a * apart(k) + b * apart(2 * k) + c * apart(3 * k); };
        Oy[p] = y < TAPS || y >= H - TAPS ? none : along(W);
        Ox[p] = x < TAPS || x >= W - TAPS ? none : along(1);
    }
}

// The sums of all threads of a block, written by its first ALL threads
template <int ALL> __device__ void write_sums(double (*share)[THREADS], const double* own, int t, double* out) {
    for (int k = 0; k < ALL; ++k) share[k][t] = own[k];
    for (int half = THREADS / 2; half; half /= 2) {
        __syncthreads();
        if (t >= half) continue;
        for (int k = 0; k < ALL; ++k) share[k][t] += share[k][t + half];
    }
    __syncthreads();
    if (t < ALL) out[t] = share[t][0];
    __syncthreads();  // before the next frame
}

// Of c bytes a count: 24 M + c a pixel in single precision, F and both derivatives read
extern "C" __global__ void __launch_bounds__(THREADS, MANY)
position_sums(const Complex* __restrict__ F, const Complex* __restrict__ Dy, const Complex* __restrict__ Dx,
              const COUNT* __restrict__ I, const REAL* __restrict__ mask, const REAL* __restrict__ gain,
              double* __restrict__ out, REAL background, int noise, int n, int M, int h, int w) {
    constexpr int ALL = 5;
    __shared__ double share[ALL][THREADS];
    const int t = threadIdx.x, pixels = h * w;
    for (int j = blockIdx.x; j < n; j += gridDim.x) {
        double own[ALL] = {0, 0, 0, 0, 0};
        for (int p = t; p < pixels; p += THREADS) {
            const COUNT c = I[(wide)j * pixels + p];
            const REAL k = c < 0 ? REAL(0) : mask[p], i = c > 0 ? REAL(c) : REAL(0);
            REAL a = background, u = 0, v = 0;
            for (int m = 0; m < M; ++m) {
                const wide at = ((wide)j * M + m) * pixels + p;
                const Complex f = F[at], d = Dy[at], b = Dx[at];
                a += gain[j] * abs2(f);
                u += 2 * gain[j] * (f.x * d.x + f.y * d.y);
                v += 2 * gain[j] * (f.x * b.x + f.y * b.y);
            }
            const REAL J = noise == GAUSSIAN ? 1 / (i + 1) : 1 / (a + EPS);
            const REAL L1 = noise == POISSON ? 1 - i * J : noise == GAUSSIAN ? (a - i) * J : 2 - 2 * root(i * J);
            own[0] += k * L1 * u;
            own[1] += k * L1 * v;
            own[2] += k * J * u * u;
            own[3] += k * J * u * v;
            own[4] += k * J * v * v;
        }
        write_sums<ALL>(share, own, t, out + (wide)j * ALL);
    }
}

// 8 M bytes a pixel in single precision: z read; P and the derivatives come from the cache
extern "C" __global__ void __launch_bounds__(THREADS, MANY)
position_slopes(const Complex* __restrict__ z, const Complex* __restrict__ P, const Complex* __restrict__ Oy,
                const Complex* __restrict__ Ox, const int* __restrict__ at, double* __restrict__ out, int n, int M,
                int h, int w, int W) {
    constexpr int ALL = 2;
    __shared__ double share[ALL][THREADS];
    const int t = threadIdx.x, pixels = h * w;
    for (int j = blockIdx.x; j < n; j += gridDim.x) {
        const int* to = at + (wide)3 * j;
        double own[ALL] = {0, 0};
        for (int p = t; p < pixels; p += THREADS) {
            const wide o = (wide)(to[0] + p / w) * W + to[1] + p % w;
            Complex g = {0, 0};
            for (int m = 0; m < M; ++m)
                g = g + conj(P[((wide)to[2] * M + m) * pixels + p]) * z[((wide)j * M + m) * pixels + p];
            own[0] += 2 * (Oy[o].x * g.x + Oy[o].y * g.y);
            own[1] += 2 * (Ox[o].x * g.x + Ox[o].y * g.y);
        }
        write_sums<ALL>(share, own, t, out + (wide)j * ALL);
    }
}
