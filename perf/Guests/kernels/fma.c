/* AVX2 and FMA on floats and doubles: dot products, a polynomial, a convolution. */
#pragma GCC target("avx2,fma")
#include "kernel.h"
#include <immintrin.h>

enum { SIZE = 1 << 13 };
static float a[SIZE], b[SIZE], out[SIZE];

static u64 kernel(void)
{
    for (int i = 0; i < SIZE; i++) {
        a[i] = (float)(i % 101) * 0.01f - 0.5f;
        b[i] = (float)(i % 37) * 0.02f - 0.3f;
    }
    u64 sum = 0;
    for (int round = 0; round < 20000; round++) {
        __m256 dot = _mm256_setzero_ps(), other = dot;
        const __m256 c0 = _mm256_set1_ps(0.99f), c1 = _mm256_set1_ps(-0.4f + (float)round * 1e-4f), c2 = _mm256_set1_ps(0.12f), c3 = _mm256_set1_ps(-0.03f);
        for (int i = 0; i + 16 < SIZE; i += 8) {
            __m256 x = _mm256_loadu_ps(a + i), y = _mm256_loadu_ps(b + i);
            dot = _mm256_fmadd_ps(x, y, dot);
            __m256 p = _mm256_fmadd_ps(_mm256_fmadd_ps(_mm256_fmadd_ps(c3, x, c2), x, c1), x, c0);
            other = _mm256_fnmadd_ps(p, _mm256_loadu_ps(b + i + 3), other);
            _mm256_storeu_ps(out + i, _mm256_max_ps(p, _mm256_mul_ps(y, c2)));
        }
        __m256d wide = _mm256_cvtps_pd(_mm256_castps256_ps128(dot));
        wide = _mm256_fmadd_pd(wide, wide, _mm256_cvtps_pd(_mm256_extractf128_ps(other, 1)));
        double parts[4];
        _mm256_storeu_pd(parts, wide);
        sum = fold(sum, fold_bytes(parts, sizeof parts));
    }
    return fold(sum, fold_bytes(out, sizeof out));
}
