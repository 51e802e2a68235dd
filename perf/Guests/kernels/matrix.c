/* Packed float (SSE): products of matrices, four columns at a time. */
#include "kernel.h"
#include <xmmintrin.h>

enum { N = 160 };
static float a[N][N], b[N][N], c[N][N];

static u64 kernel(void)
{
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            a[i][j] = (float)(i % 17) * 0.25f - (float)(j % 5);
            b[i][j] = (float)(j % 13) - 6.5f + (float)(i % 3);
        }
    u64 sum = 0;
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j += 8) {
                __m128 low = _mm_setzero_ps(), high = low;
                for (int k = 0; k < N; k++) {
                    __m128 x = _mm_set1_ps(a[i][k]);
                    low = _mm_add_ps(low, _mm_mul_ps(x, _mm_loadu_ps(&b[k][j])));
                    high = _mm_add_ps(high, _mm_mul_ps(x, _mm_loadu_ps(&b[k][j + 4])));
                }
                _mm_storeu_ps(&c[i][j], low);
                _mm_storeu_ps(&c[i][j + 4], high);
            }
        sum = fold(sum, fold_bytes(c, sizeof c));
        a[round][round] += 1;
    }
    return sum;
}
