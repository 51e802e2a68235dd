/* Packed double (SSE2): two points at a time, with compares and masks. */
#include "kernel.h"
#include <emmintrin.h>

enum { SIZE = 160, LIMIT = 120 };
static u8 image[SIZE * SIZE];

static u64 kernel(void)
{
    u64 sum = 0;
    for (int round = 0; round < 20; round++) {
        for (int row = 0; row < SIZE; row++)
            for (int column = 0; column < SIZE; column += 2) {
                __m128d cx = _mm_set_pd((column + 1) * 3.0 / SIZE - 2 - round * 0.01, column * 3.0 / SIZE - 2 - round * 0.01), cy = _mm_set1_pd(row * 2.4 / SIZE - 1.2);
                __m128d x = _mm_setzero_pd(), y = x, count = x;
                const __m128d four = _mm_set1_pd(4), one = _mm_set1_pd(1);
                for (int i = 0; i < LIMIT; i++) {
                    __m128d xx = _mm_mul_pd(x, x), yy = _mm_mul_pd(y, y), xy = _mm_mul_pd(x, y);
                    __m128d inside = _mm_cmple_pd(_mm_add_pd(xx, yy), four);
                    if (!_mm_movemask_pd(inside))
                        break;
                    count = _mm_add_pd(count, _mm_and_pd(one, inside));
                    x = _mm_add_pd(_mm_sub_pd(xx, yy), cx);
                    y = _mm_add_pd(_mm_add_pd(xy, xy), cy);
                }
                image[row * SIZE + column] = (u8)_mm_cvtsd_si32(count);
                image[row * SIZE + column + 1] = (u8)_mm_cvtsd_si32(_mm_unpackhi_pd(count, count));
            }
        sum = fold(sum, fold_bytes(image, sizeof image));
    }
    return sum;
}
