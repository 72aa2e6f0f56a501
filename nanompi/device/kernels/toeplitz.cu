// A convolution between two transforms; toeplitz.py is the contract. A thread has both ends of a pair, which no other
// thread touches.

__device__ inline Complex mixed(Complex a, Complex b, REAL own, REAL mirror) {
    return {own * a.x + mirror * b.y, own * a.y + mirror * b.x};
}

// 24 bytes a number in single precision: Z read and written, own and mirror read
extern "C" __global__ void __launch_bounds__(THREADS)
convolve(Complex* __restrict__ Z, const REAL* __restrict__ own, const REAL* __restrict__ mirror, int k, int h, int m) {
    const int l = blockIdx.x * blockDim.x + threadIdx.x, j = blockIdx.y * blockDim.y + threadIdx.y;
    if (l >= m || j > h / 2) return;
    const int other = (h - j) % h, end = (m - l) % m;
    if (other == j && end < l) return;
    const wide here = (wide)j * m + l, there = (wide)other * m + end;
    for (int i = blockIdx.z; i < k; i += gridDim.z) {
        Complex* z = Z + (wide)i * h * m;
        const Complex a = z[here], b = z[there];
        z[there] = mixed(b, a, own[there], mirror[there]);
        z[here] = mixed(a, b, own[here], mirror[here]);
    }
}
