/* AVX2 on integers: a picture blended, differences summed, bytes shuffled, products of 16 bits. */
#pragma GCC target("avx2")
#include "kernel.h"
#include <immintrin.h>

enum { SIZE = 1 << 15 };
static u8 a[SIZE], b[SIZE], out[SIZE];

static u64 kernel(void)
{
    u32 state = 59;
    for (u32 i = 0; i < SIZE; i++) {
        a[i] = (u8)next(&state);
        b[i] = (u8)(next(&state) >> 8);
    }
    const __m256i reverse = _mm256_broadcastsi128_si256(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    const __m256i weights = _mm256_set1_epi16(37), threshold = _mm256_set1_epi8(64), zero = _mm256_setzero_si256();
    __m256i differences = zero, products = zero;
    u64 above = 0;
    for (int round = 0; round < 12000; round++)
        for (u32 i = 0; i < SIZE; i += 32) {
            __m256i x = _mm256_loadu_si256((const __m256i *)(a + i)), y = _mm256_loadu_si256((const __m256i *)(b + i));
            differences = _mm256_add_epi64(differences, _mm256_sad_epu8(x, y));
            __m256i low = _mm256_mullo_epi16(_mm256_unpacklo_epi8(x, zero), weights), high = _mm256_mullo_epi16(_mm256_unpackhi_epi8(y, zero), weights);
            products = _mm256_add_epi32(products, _mm256_madd_epi16(low, high));
            __m256i mixed = _mm256_avg_epu8(_mm256_shuffle_epi8(x, reverse), y);
            above += (u64)__builtin_popcount((u32)_mm256_movemask_epi8(_mm256_cmpgt_epi8(mixed, threshold)));
            _mm256_storeu_si256((__m256i *)(out + i), _mm256_blendv_epi8(mixed, _mm256_permute4x64_epi64(y, 0x1b), x));
        }
    u64 sums[8];
    _mm256_storeu_si256((__m256i *)sums, differences);
    _mm256_storeu_si256((__m256i *)(sums + 4), products);
    return fold(fold(above, fold_bytes(sums, sizeof sums)), fold_bytes(out, SIZE));
}
