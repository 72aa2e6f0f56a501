// Object and probe once an iteration; update.py is the contract. Bytes in single precision, per element.

// work(i) for the elements of this thread
template <class Work> __device__ inline void each_element(int n, Work work) {
    for (wide i = (wide)blockIdx.x * THREADS + threadIdx.x; i < n; i += (wide)gridDim.x * THREADS) work(i);
}

// 28: O read and written, num and den read; eps stays on the card, since it follows from the largest weight
extern "C" __global__ void __launch_bounds__(THREADS)
divide(Complex* O, const Complex* __restrict__ num, const REAL* __restrict__ den, const REAL* __restrict__ eps,
       int n) {
    const REAL e = *eps;
    each_element(n, [&](wide i) { O[i] = 1 / (den[i] + e) * (e * O[i] + num[i]); });
}

// 24: y read and written, x read
extern "C" __global__ void __launch_bounds__(THREADS)
blend(Complex* y, const Complex* __restrict__ x, REAL a, REAL b, int n) {
    each_element(n, [&](wide i) { y[i] = a * y[i] + b * x[i]; });
}

// 20: g read and written, w read, which repeats after so many elements
extern "C" __global__ void __launch_bounds__(THREADS)
descend(Complex* g, const REAL* __restrict__ w, int n, int repeat) {
    each_element(n, [&](wide i) { g[i] = -1 / w[(int)i % repeat] * g[i]; });
}

// 28, and 20 where b or c is a: read once
extern "C" __global__ void __launch_bounds__(THREADS)
inner(const Complex* __restrict__ a, const REAL* __restrict__ w, const Complex* __restrict__ b,
      const Complex* __restrict__ c, double* part, int n, int repeat) {
    double sums[2] = {0, 0};
    each_element(n, [&](wide i) {
        const REAL weight = w[(int)i % repeat];
        const Complex left = a[i], p = b[i], q = c[i];
        sums[0] += weight * (left.x * p.x + left.y * p.y);
        sums[1] += weight * (left.x * q.x + left.y * q.y);
    });
    block_sums(sums, part);
}
