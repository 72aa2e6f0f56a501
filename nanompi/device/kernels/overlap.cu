// The overlap model; overlap.py is the contract. O and P are read from the cache: a frame of P serves all frames,
// a pixel of O all frames that see it. Bytes below are those of the waves in single precision, per pixel of a frame
// and for M modes.

// Where a patch at (y, x) of frame j lies: in O, and its first mode in P and in the waves
struct Place {
    wide o, p, q;
    __device__ Place(const int* at, int j, int y, int x, int M, wide hw, int w, int W) {
        const int* to = at + (wide)3 * j;
        o = (wide)(to[0] + y) * W + to[1] + x;
        p = to[2] * M * hw + (wide)y * w + x;
        q = j * M * hw + (wide)y * w + x;
    }
};

// 8 M: psi written
extern "C" __global__ void __launch_bounds__(THREADS, MANY)
exit_waves_PIXELS(const Complex* __restrict__ O, const Complex* __restrict__ P, const int* __restrict__ at,
                  Complex* __restrict__ psi, int n, int M, int h, int w, int W) {
    const wide hw = (wide)h * w;
    each_patch<PIXELS>(n, h, w, [&](int j, int y, int x, int rows) {
        using Waves = Patch<Complex, PIXELS>;
        const Place k(at, j, y, x, M, hw, w, W);
        const Waves o = Waves::read_anywhere(O + k.o, W, rows);
        for (wide m = 0; m < M * hw; m += hw) {
            Waves v = Waves::read(P + k.p + m, w, rows);
            each<PIXELS>([&](int r, int i) { v(r, i) = v(r, i) * o(r, i); });
            v.write(psi + k.q + m, w, rows);
        }
    });
}

// 16 M: psi read (not where b = 0), z written; z may be psi itself
extern "C" __global__ void __launch_bounds__(THREADS, MANY)
mix_PIXELS(const Complex* __restrict__ O, const Complex* __restrict__ P, const int* __restrict__ at,
           const Complex* psi, Complex* z, REAL a, REAL b, int n, int M, int h, int w, int W) {
    const wide hw = (wide)h * w;
    each_patch<PIXELS>(n, h, w, [&](int j, int y, int x, int rows) {
        using Waves = Patch<Complex, PIXELS>;
        const Place k(at, j, y, x, M, hw, w, W);
        Waves o = Waves::read_anywhere(O + k.o, W, rows);
        each<PIXELS>([&](int r, int i) { o(r, i) = a * o(r, i); });
        for (wide m = 0; m < M * hw; m += hw) {
            Waves v = Waves::read(P + k.p + m, w, rows), old = {};
            if (b != 0) old = Waves::read(psi + k.q + m, w, rows);
            each<PIXELS>([&](int r, int i) { v(r, i) = v(r, i) * o(r, i) + b * old(r, i); });
            v.write(z + k.q + m, w, rows);
        }
    });
}

// 24 M: psi (not where c = 0) and z read, psi written
extern "C" __global__ void __launch_bounds__(THREADS, MANY)
follow_PIXELS(const Complex* __restrict__ O, const Complex* __restrict__ P, const int* __restrict__ at, Complex* psi,
              const Complex* z, REAL c, REAL d, REAL e, int n, int M, int h, int w, int W) {
    const wide hw = (wide)h * w;
    each_patch<PIXELS>(n, h, w, [&](int j, int y, int x, int rows) {
        using Waves = Patch<Complex, PIXELS>;
        const Place k(at, j, y, x, M, hw, w, W);
        Waves o = {};
        if (d != 0) o = Waves::read_anywhere(O + k.o, W, rows);
        each<PIXELS>([&](int r, int i) { o(r, i) = d * o(r, i); });
        for (wide m = 0; m < M * hw; m += hw) {
            const Waves v = Waves::read(z + k.q + m, w, rows);
            Waves p = {}, old = {};
            if (d != 0) p = Waves::read(P + k.p + m, w, rows);
            if (c != 0) old = Waves::read(psi + k.q + m, w, rows);
            each<PIXELS>([&](int r, int i) { old(r, i) = e * v(r, i) + p(r, i) * o(r, i) + c * old(r, i); });
            old.write(psi + k.q + m, w, rows);
        }
    });
}

// 8 M: z written
extern "C" __global__ void __launch_bounds__(THREADS, MANY)
tangent_PIXELS(const Complex* __restrict__ O, const Complex* __restrict__ P, const Complex* __restrict__ dO,
               const Complex* __restrict__ dP, const int* __restrict__ at, Complex* __restrict__ z, int n, int M,
               int h, int w, int W) {
    const wide hw = (wide)h * w;
    each_patch<PIXELS>(n, h, w, [&](int j, int y, int x, int rows) {
        using Waves = Patch<Complex, PIXELS>;
        const Place k(at, j, y, x, M, hw, w, W);
        const Waves o = Waves::read_anywhere(O + k.o, W, rows), d = Waves::read_anywhere(dO + k.o, W, rows);
        for (wide m = 0; m < M * hw; m += hw) {
            const Waves p = Waves::read(P + k.p + m, w, rows), q = Waves::read(dP + k.p + m, w, rows);
            Waves v;
            each<PIXELS>([&](int r, int i) { v(r, i) = p(r, i) * d(r, i) + q(r, i) * o(r, i); });
            v.write(z + k.q + m, w, rows);
        }
    });
}

// ---- sums over frames, in the order of the frames whatever the order of the blocks

static_assert(TILE_W * TILE_H == THREADS && STRIP <= TILE_H, "a thread for each pixel of a tile");

// The rows and columns {top, bottom, left, right} that the frames touch, in tiles. All threads take part.
__device__ inline void touched(int* box, const int* at, int n, int h, int w) {
    const int t = threadIdx.y * blockDim.x + threadIdx.x;
    if (t < 4) box[t] = t % 2 ? 0 : 1 << 30;
    __syncthreads();
    for (int j = t; j < n; j += THREADS) {
        const int y = at[(wide)3 * j], x = at[(wide)3 * j + 1];
        atomicMin(&box[0], y / TILE_H), atomicMax(&box[1], (y + h - 1) / TILE_H + 1);
        atomicMin(&box[2], x / TILE_W), atomicMax(&box[3], (x + w - 1) / TILE_W + 1);
    }
    __syncthreads();
}

// target(y, x) += the values at (y, x) of all frames. A thread owns a pixel, a block a tile; it goes round over the
// tiles that any frame touches. add(list, length, y, x, sum) adds the frames of the list which see the pixel.
template <class Sum, class Add>
__device__ inline void gather(Sum* target, const int* at, int n, int h, int w, int W, int lane, int lanes, Add add) {
    __shared__ int box[4], length[2];
    __shared__ Frame list[THREADS];
    touched(box, at, n, h, w);
    const int across = box[3] - box[2];
    const wide tiles = (wide)across * (box[1] - box[0]);
    for (wide tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        const int top = (box[0] + (int)(tile / across)) * TILE_H, left = (box[2] + (int)(tile % across)) * TILE_W;
        const int y = top + threadIdx.y, x = left + threadIdx.x;
        Sum sum = {};
        bool any = false;
        for (int first = 0; first < n; first += THREADS) {
            const int all = pick<1>(list, length, at, first, n, [&](Frame f) {
                return f.y < top + TILE_H && f.y + h > top && f.x < left + TILE_W && f.x + w > left ? 0 : -1;
            });
            if (y / BAND % lanes == lane) any |= add(list, all, y, x, sum);
        }
        if (any) target[(wide)y * W + x] = target[(wide)y * W + x] + sum;
    }
}

// 8 M: psi read; per launch 16 for each pixel of num that a frame touches
extern "C" __global__ void __launch_bounds__(THREADS, MANY)
object_sums(const Complex* __restrict__ psi, const Complex* __restrict__ P, const int* __restrict__ at, Complex* num,
            int n, int M, int h, int w, int W, int lane, int lanes) {
    const int hw = h * w;
    gather(num, at, n, h, w, W, lane, lanes, [&](const Frame* list, int length, int y, int x, Complex& sum) {
        bool any = false;
        for (int i = 0; i < length; i += 4) {
            wide p[4], q[4];
            bool in[4];
#pragma unroll
            for (int u = 0; u < 4; ++u) {
                const Frame f = list[i + u < length ? i + u : i];
                const int r = y - f.y, c = x - f.x;
                in[u] = i + u < length && r >= 0 && r < h && c >= 0 && c < w;
                p[u] = (wide)f.s * M * hw + r * w + c, q[u] = (wide)f.j * M * hw + r * w + c;
                any |= in[u];
            }
            for (wide m = 0; m < (wide)M * hw; m += hw) {
                Complex a[4], b[4];
#pragma unroll
                for (int u = 0; u < 4; ++u) {  // the loads of four frames are under way together
                    a[u] = in[u] ? P[p[u] + m] : Complex{0, 0};
                    b[u] = in[u] ? psi[q[u] + m] : Complex{0, 0};
                }
#pragma unroll
                for (int u = 0; u < 4; ++u) sum = sum + conj(a[u]) * b[u];
            }
        }
        return any;
    });
}

// 8 M + 4 a pixel of a shift: P read, out written
extern "C" __global__ void __launch_bounds__(THREADS)
powers(const Complex* __restrict__ P, REAL* __restrict__ out, int S, int M, int h, int w) {
    const wide hw = (wide)h * w, all = S * hw;
    for (wide p = (wide)blockIdx.x * THREADS + threadIdx.x; p < all; p += (wide)gridDim.x * THREADS) {
        REAL sum = 0;
        for (int m = 0; m < M; ++m) sum += abs2(P[(p / hw * M + m) * hw + p % hw]);
        out[p] = sum;
    }
}

// Per launch 8 for each pixel of den that a frame touches
extern "C" __global__ void __launch_bounds__(THREADS, MANY)
object_weights(const REAL* __restrict__ P2, const int* __restrict__ at, REAL* den, int n, int h, int w, int W,
               int lane, int lanes) {
    gather(den, at, n, h, w, W, lane, lanes, [&](const Frame* list, int length, int y, int x, REAL& sum) {
        bool any = false;
#pragma unroll 4
        for (int i = 0; i < length; ++i) {
            const Frame f = list[i];
            const int r = y - f.y, c = x - f.x;
            if (r < 0 || r >= h || c < 0 || c >= w) continue;
            sum += P2[((wide)f.s * h + r) * w + c];
            any = true;
        }
        return any;
    });
}

__device__ inline void add(float* to, float x, float y) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    atomicAdd(reinterpret_cast<float2*>(to), make_float2(x, y));
#else
    atomicAdd(to, x), atomicAdd(to + 1, y);
#endif
}
__device__ inline void add(double* to, double x, double y) { atomicAdd(to, x), atomicAdd(to + 1, y); }

// object_sums in no fixed order: 8 M, and an atomic sum for each pixel of each frame
extern "C" __global__ void __launch_bounds__(THREADS, MANY)
object_sums_atomic_PIXELS(const Complex* __restrict__ psi, const Complex* __restrict__ P, const int* __restrict__ at,
                          Complex* num, int n, int M, int h, int w, int W, int lane, int lanes) {
    const wide hw = (wide)h * w;
    each_patch<PIXELS>(n, h, w, [&](int j, int y, int x, int rows) {
        using Waves = Patch<Complex, PIXELS>;
        const Place k(at, j, y, x, M, hw, w, W);
        Waves sum = {};
        for (wide m = 0; m < M * hw; m += hw) {
            const Waves p = Waves::read(P + k.p + m, w, rows), f = Waves::read(psi + k.q + m, w, rows);
            each<PIXELS>([&](int r, int i) { sum(r, i) = sum(r, i) + conj(p(r, i)) * f(r, i); });
        }
        each<PIXELS>([&](int r, int i) {
            if (r >= rows || (at[(wide)3 * j] + y + r) / BAND % lanes != lane) return;
            add(&num[k.o + (wide)r * W + i].x, sum(r, i).x, sum(r, i).y);
        });
    });
}

// What a thread adds up: STRIP pixels of a column of the probe
struct Strip {
    Complex sum[STRIP];
    REAL weight[STRIP];

    // sum += o* q and weight += |o|^2; o, q : in object and waves, whose rows are W and w long
    __device__ void add(const Complex* o, const Complex* q, int rows, int W, int w) {
        Complex a[STRIP], b[STRIP];
#pragma unroll
        for (int r = 0; r < STRIP; ++r) {  // the loads of all rows are under way together
            a[r] = r < rows ? o[(wide)r * W] : Complex{0, 0};
            b[r] = r < rows ? q[(wide)r * w] : Complex{0, 0};
        }
#pragma unroll
        for (int r = 0; r < STRIP; ++r) sum[r] = sum[r] + conj(a[r]) * b[r], weight[r] += abs2(a[r]);
    }
    __device__ void load(const Complex* num, const REAL* den, int rows, int w) {
#pragma unroll
        for (int r = 0; r < STRIP; ++r)
            if (r < rows) sum[r] = num[(wide)r * w], weight[r] = den[(wide)r * w];
    }
    __device__ void store(Complex* num, REAL* den, bool weights, int rows, int w) const {
#pragma unroll
        for (int r = 0; r < STRIP; ++r)
            if (r < rows) {
                num[(wide)r * w] = sum[r];
                if (weights) den[(wide)r * w] = weight[r];
            }
    }
};

// 8 M: psi read; per launch 16 for each pixel and mode of a shift that occurs. A row of threads owns a strip TILE_W wide
// of one mode at one shift, and adds its frames in their order to what is there. Where there are fewer shifts than rows
// of threads, all rows have the same strip, share its frames, and add up after each `group` of frames. So launches that
// begin at multiples of `group` give the bits of one launch. Rows first_row ... last_row - 1 of the probe are done.
extern "C" __global__ void __launch_bounds__(THREADS, SOME)
probe_sums(const Complex* __restrict__ psi, const Complex* __restrict__ O, const int* __restrict__ at, Complex* num,
           REAL* den, int n, int S, int M, int h, int w, int W, int first_row, int last_row, int group) {
    __shared__ Frame list[THREADS];
    __shared__ int begin[TILE_H + 1];
    __shared__ Strip strips[TILE_H][TILE_W];
    const int across = (w + TILE_W - 1) / TILE_W, down = (last_row - first_row + STRIP - 1) / STRIP;
    const int x = blockIdx.x % across * TILE_W + threadIdx.x, top = first_row + blockIdx.x / across % down * STRIP;
    const int m = blockIdx.x / across / down % M, lot = blockIdx.x / across / down / M, g = threadIdx.y;
    const bool together = S < TILE_H;
    const int s = together ? lot : lot * TILE_H + g, rows = x >= w ? 0 : last_row - top < STRIP ? last_row - top : STRIP;
    const int hw = h * w, here = top * w + x;
    psi += (wide)m * hw + here, O += (wide)top * W + x;
    num += ((wide)s * M + m) * hw + here, den += (wide)s * hw + here;
    Strip own = {};
    bool any = false;
    for (int first = 0, last; first < n; first = last) {
        last = first + THREADS < n ? first + THREADS : n;
        if (together && last > (first / group + 1) * group) last = (first / group + 1) * group;
        pick<TILE_H>(list, begin, at, first, last, [&](Frame f) {
            if (together) return f.s == s ? (f.j - first) % TILE_H : -1;
            return f.s / TILE_H == lot ? f.s % TILE_H : -1;
        });
        if (!together && !any && begin[g] < begin[g + 1]) any = true, own.load(num, den, rows, w);
        const int end = begin[g + 1];
#pragma unroll 1
        for (int i = begin[g]; i < end; ++i) {
            const Frame f = list[i];
            own.add(O + (wide)f.y * W + f.x, psi + (wide)f.j * M * hw, rows, W, w);
        }
        if (!together || begin[TILE_H] == 0) continue;
        strips[g][threadIdx.x] = own, own = {};
        __syncthreads();
        if (g >= rows) continue;  // a row of threads adds up a row of the probe
        Complex all = {0, 0};
        REAL square = 0;
        for (int i = 0; i < TILE_H; ++i)
            all = all + strips[i][threadIdx.x].sum[g], square += strips[i][threadIdx.x].weight[g];
        const wide row = (wide)g * w;
        num[row] = num[row] + all;
        if (m == 0) den[row] += square;
    }
    if (any) own.store(num, den, m == 0, rows, w);
}
