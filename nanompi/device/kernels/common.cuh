// What the kernels share. The texts are built without any header, by NVRTC and by g++ behind a few lines of tests.
// Given by the compile line: REAL (float or double), COUNT (unsigned short or float). Given by kernels.source():
// the constants of the contract and of layout.py.

typedef long long wide;  // all positions in arrays: they pass 2^31 (those in a frame do not)

struct alignas(2 * sizeof(REAL)) Complex {
    REAL x, y;
};

__device__ inline Complex operator+(Complex a, Complex b) { return {a.x + b.x, a.y + b.y}; }
__device__ inline Complex operator*(REAL a, Complex b) { return {a * b.x, a * b.y}; }
__device__ inline Complex operator*(Complex a, Complex b) {
    return {a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x};
}
__device__ inline Complex conj(Complex a) { return {a.x, -a.y}; }
__device__ inline REAL abs2(Complex a) { return a.x * a.x + a.y * a.y; }
__device__ inline float root(float a) { return sqrtf(a); }
__device__ inline double root(double a) { return sqrt(a); }
__device__ inline float logarithm(float a) { return logf(a); }
__device__ inline double logarithm(double a) { return log(a); }

// work(j, y, x) for the pixels of this thread: ROWS of a column of frame blockIdx.z, and of each gridDim.z-th after
template <class Work> __device__ inline void each_pixel(int n, int h, int w, Work work) {
    const int x = blockIdx.x * blockDim.x + threadIdx.x, top = blockIdx.y * blockDim.y * ROWS + threadIdx.y;
    if (x >= w) return;
    for (int j = blockIdx.z; j < n; j += gridDim.z)
#pragma unroll 1
        for (int r = 0; r < ROWS; ++r) {
            const int y = top + r * blockDim.y;
            if (y < h) work(j, y, x);
        }
}

// part[block][k] += sum of own[k] over the threads of the block, in a tree that is always the same
template <int K> __device__ inline void block_sums(const REAL (&own)[K], double* part) {
    __shared__ double sum[K][THREADS];
    const int t = threadIdx.y * blockDim.x + threadIdx.x;
    for (int k = 0; k < K; ++k) sum[k][t] = own[k];
    for (int half = THREADS / 2; half; half /= 2) {
        __syncthreads();
        if (t < half)
            for (int k = 0; k < K; ++k) sum[k][t] += sum[k][t + half];
    }
    const wide block = ((wide)blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    if (t == 0)
        for (int k = 0; k < K; ++k) part[block * K + k] += sum[k][0];
}

// The modes of a pixel, `stride` apart in memory: N of them stay in registers between load and store
template <int N> struct Modes {
    Complex f[N];
    __device__ REAL load(const Complex* F, int, wide stride) {  // sum_m |F_m|^2
        REAL sum = 0;
#pragma unroll
        for (int m = 0; m < N; ++m) f[m] = F[m * stride];
#pragma unroll
        for (int m = 0; m < N; ++m) sum += abs2(f[m]);
        return sum;
    }
    __device__ void store(Complex* z, const Complex*, int, wide stride, REAL scale) const {  // z_m = scale F_m
#pragma unroll
        for (int m = 0; m < N; ++m) z[m * stride] = scale * f[m];
    }
};

// Any number of modes: read a second time, then from the cache
template <> struct Modes<0> {
    __device__ REAL load(const Complex* F, int M, wide stride) {
        REAL sum = 0;
        for (int m = 0; m < M; ++m) sum += abs2(F[m * stride]);
        return sum;
    }
    __device__ void store(Complex* z, const Complex* F, int M, wide stride, REAL scale) const {
        for (int m = 0; m < M; ++m) z[m * stride] = scale * F[m * stride];
    }
};

// f<N>(...) for M modes
#define WITH_MODES(f, M, ...)                                                                      \
    (M == 1 ? f<1>(__VA_ARGS__) : M == 2 ? f<2>(__VA_ARGS__) : M == 3 ? f<3>(__VA_ARGS__)          \
     : M == 4 ? f<4>(__VA_ARGS__) : f<0>(__VA_ARGS__))

// A count, and its weight: 0 where the pixel is masked or was not measured
struct Count {
    REAL i, k;
    __device__ Count(COUNT count, REAL mask) : i(count), k(mask) {
        if (i < 0) i = k = 0;
    }
};

struct Frame {
    int y, x, s, j;
};

// Of the frames first ... last - 1 (at most one a thread) those of the classes 0 ... K - 1 into the block's list: class k
// from begin[k] on, in their order. which(frame) is the class, or -1; returns how many there are in all, which is begin[K],
// too. All threads take part.
template <int K, class Which>
__device__ inline int pick(Frame* list, int* begin, const int* at, int first, int last, Which which) {
    constexpr int WORDS = THREADS / 32;
    __shared__ unsigned picked[K][WORDS];
    const int t = threadIdx.y * blockDim.x + threadIdx.x, j = first + t;
    if (t < K * WORDS) picked[t / WORDS][t % WORDS] = 0;
    __syncthreads();  // and the last list is done with
    Frame f = {0, 0, 0, j};
    int own = -1;
    if (j < last) {
        f.y = at[(wide)3 * j], f.x = at[(wide)3 * j + 1], f.s = at[(wide)3 * j + 2];
        own = which(f);
        if (own >= 0) atomicOr(&picked[own][t / 32], 1u << t % 32);  // bits: the order does not matter
    }
    __syncthreads();
    int before = 0, all = 0;
#pragma unroll 1
    for (int k = 0; k < K; ++k) {
        if (t == 0) begin[k] = all;
        for (int i = 0; i < WORDS; ++i) {
            if (k == own && i == t / 32) before = all + __popc(picked[k][i] & ((1u << t % 32) - 1));
            all += __popc(picked[k][i]);
        }
    }
    if (t == 0) begin[K] = all;
    if (own >= 0) list[before] = f;
    __syncthreads();
    return all;
}
