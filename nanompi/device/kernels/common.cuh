// What the kernels share. The texts are built without any header, by NVRTC and by g++ behind a few lines of tests.
// Given by the compile line: REAL (float or double), COUNT (unsigned short or float). Given by kernels.source():
// the constants of the contract and of layout.py.

// Blocks of a multiprocessor at a time, at least, for kernels of little and of much work between load and store: they
// leave 64 and 80 registers to a thread, and 128 in double precision, so that none spills
constexpr int MANY = sizeof(REAL) == 4 ? 4 : 2, SOME = sizeof(REAL) == 4 ? 3 : 2;

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

// V neighbours of a row, moved in one piece where V is 2: 16 bytes of waves in single precision
template <class T, int V> struct alignas(V * sizeof(T) < 16 ? V * sizeof(T) : 16) Run {
    T of[V];
};

// The pixels of a thread, ROWS rows of V; those beyond the last row of the frame are 0, and not written. A patch is read
// as a whole before another is written, so that all its loads are under way together.
template <class T, int V> struct Patch {
    Run<T, V> row[ROWS];

    static __device__ Patch read(const T* from, int w, int rows) {
        Patch own = {};
#pragma unroll
        for (int r = 0; r < ROWS; ++r)
            if (r < rows) own.row[r] = *reinterpret_cast<const Run<T, V>*>(from + (wide)r * w);
        return own;
    }
    // of an object, where V neighbours may begin at any pixel
    static __device__ Patch read_anywhere(const T* from, int w, int rows) {
        Patch own = {};
#pragma unroll
        for (int r = 0; r < ROWS; ++r)
#pragma unroll
            for (int i = 0; i < V; ++i)
                if (r < rows) own.row[r].of[i] = from[(wide)r * w + i];
        return own;
    }
    __device__ void write(T* to, int w, int rows) const {
#pragma unroll
        for (int r = 0; r < ROWS; ++r)
            if (r < rows) *reinterpret_cast<Run<T, V>*>(to + (wide)r * w) = row[r];
    }
    __device__ T& operator()(int r, int i) { return row[r].of[i]; }
    __device__ const T& operator()(int r, int i) const { return row[r].of[i]; }
};

// work(r, i) for each pixel of a patch
template <int V, class Work> __device__ inline void each(Work work) {
#pragma unroll
    for (int r = 0; r < ROWS; ++r)
#pragma unroll
        for (int i = 0; i < V; ++i) work(r, i);
}

// work(j, y, x, rows) for the patches of this thread: one in frame blockIdx.z, and in each gridDim.z-th after
template <int V, class Work> __device__ inline void each_patch(int n, int h, int w, Work work) {
    const int x = (blockIdx.x * blockDim.x + threadIdx.x) * V, y = (blockIdx.y * blockDim.y + threadIdx.y) * ROWS;
    if (x >= w || y >= h) return;
    for (int j = blockIdx.z; j < n; j += gridDim.z) work(j, y, x, h - y < ROWS ? h - y : ROWS);
}

// The same, and after(j) by all threads of the block when they are done with frame j
template <int V, class Work, class After>
__device__ inline void each_patch(int n, int h, int w, Work work, After after) {
    const int x = (blockIdx.x * blockDim.x + threadIdx.x) * V, y = (blockIdx.y * blockDim.y + threadIdx.y) * ROWS;
    for (int j = blockIdx.z; j < n; j += gridDim.z) {
        if (x < w && y < h) work(j, y, x, h - y < ROWS ? h - y : ROWS);
        after(j);
    }
}

// sum[k][0] = sum of own[k] over the threads of the block, in a tree that is always the same; for thread 0 alone
template <int K, class T> __device__ inline void add_up(const T (&own)[K], double (*sum)[THREADS]) {
    const int t = threadIdx.y * blockDim.x + threadIdx.x;
    for (int k = 0; k < K; ++k) sum[k][t] = own[k];
    for (int half = THREADS / 2; half; half /= 2) {
        __syncthreads();
        if (t < half)
            for (int k = 0; k < K; ++k) sum[k][t] += sum[k][t + half];
    }
}

// part[block][k] += sum of own[k] over the threads of the block
template <int K, class T> __device__ inline void block_sums(const T (&own)[K], double* part) {
    __shared__ double sum[K][THREADS];
    add_up(own, sum);
    const wide block = ((wide)blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    if (threadIdx.y == 0 && threadIdx.x == 0)
        for (int k = 0; k < K; ++k) part[block * K + k] += sum[k][0];
}

// This block's shares of sums over frame j; own is 0 then
template <int K, class T> __device__ inline void frame_sums(T (&own)[K], double* shares, int j) {
    __shared__ double sum[K][THREADS];
    add_up(own, sum);
    const wide tiles = gridDim.y * gridDim.x, here = j * tiles + blockIdx.y * gridDim.x + blockIdx.x;
    for (int k = 0; k < K; ++k) {
        if (threadIdx.y == 0 && threadIdx.x == 0) shares[here * K + k] = sum[k][0];
        own[k] = 0;
    }
    __syncthreads();  // before the sums of the next frame
}

// The modes of a patch, `stride` apart in memory: N of them stay in registers between load and store
template <int N, int V> struct Modes {
    Patch<Complex, V> f[N];

    // sum_m |F_m|^2
    __device__ Patch<REAL, V> load(const Complex* F, int, wide stride, int w, int rows) {
        Patch<REAL, V> sum = {};
#pragma unroll
        for (int m = 0; m < N; ++m) f[m] = f[m].read(F + m * stride, w, rows);
#pragma unroll
        for (int m = 0; m < N; ++m) each<V>([&](int r, int i) { sum(r, i) += abs2(f[m](r, i)); });
        return sum;
    }
    // z_m = scale F_m
    __device__ void store(Complex* z, const Complex*, int, wide stride, int w, int rows, Patch<REAL, V> scale) {
#pragma unroll
        for (int m = 0; m < N; ++m) {
            each<V>([&](int r, int i) { f[m](r, i) = scale(r, i) * f[m](r, i); });
            f[m].write(z + m * stride, w, rows);
        }
    }
};

// Any number of modes: read a second time, then from the cache
template <int V> struct Modes<0, V> {
    using Waves = Patch<Complex, V>;

    __device__ Patch<REAL, V> load(const Complex* F, int M, wide stride, int w, int rows) {
        Patch<REAL, V> sum = {};
        for (int m = 0; m < M; ++m) {
            const Waves f = Waves::read(F + m * stride, w, rows);
            each<V>([&](int r, int i) { sum(r, i) += abs2(f(r, i)); });
        }
        return sum;
    }
    __device__ void store(Complex* z, const Complex* F, int M, wide stride, int w, int rows, Patch<REAL, V> scale) {
        for (int m = 0; m < M; ++m) {
            Waves f = Waves::read(F + m * stride, w, rows);
            each<V>([&](int r, int i) { f(r, i) = scale(r, i) * f(r, i); });
            f.write(z + m * stride, w, rows);
        }
    }
};

// Counts of a patch, and their weights: 0 where a pixel is masked or was not measured, or is beyond the last row
template <int V> struct Counts {
    Patch<COUNT, V> count;
    Patch<REAL, V> mask;
    __device__ Counts(const COUNT* I, const REAL* good, int w, int rows)
        : count(count.read(I, w, rows)), mask(mask.read(good, w, rows)) {}
    __device__ REAL i(int r, int i) const { return count(r, i) > 0 ? REAL(count(r, i)) : REAL(0); }
    __device__ REAL k(int r, int i) const { return count(r, i) < 0 ? REAL(0) : mask(r, i); }
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
