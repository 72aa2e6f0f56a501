// What ranks give each other of an array like the object; halo.py is the contract. A thread for each place.

// 24 bytes a place in single precision: where and a read, out written
extern "C" __global__ void __launch_bounds__(THREADS, 8)
gather_halo(const Complex* __restrict__ a, const wide* __restrict__ where, Complex* __restrict__ out, int n) {
    const wide g = (wide)blockIdx.x * THREADS + threadIdx.x;
    if (g < n) out[g] = a[where[g]];
}

// The shares of a pixel in the order of the ranks, as all of them add: the same bits on each
extern "C" __global__ void __launch_bounds__(THREADS, 8)
add_halo(Complex* __restrict__ a, const wide* __restrict__ pixels, const int* __restrict__ first,
         const int* __restrict__ source, const Complex* __restrict__ take, int n) {
    const wide k = (wide)blockIdx.x * THREADS + threadIdx.x;
    if (k >= n) return;
    const Complex own = a[pixels[k]];
    Complex total = {0, 0};
    for (int i = first[k]; i < first[k + 1]; ++i) {
        const int s = source[i];
        total = total + (s < 0 ? own : take[s]);
    }
    a[pixels[k]] = total;
}
