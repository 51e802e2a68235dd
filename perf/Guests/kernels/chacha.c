/* ChaCha20 (RFC 8439) with the four columns in SSE2 registers. */
#include "kernel.h"
#include <emmintrin.h>

static u8 data[1 << 16];

#define ROTATE(x, by) _mm_or_si128(_mm_slli_epi32(x, by), _mm_srli_epi32(x, 32 - by))
#define QUARTER \
    a = _mm_add_epi32(a, b), d = _mm_xor_si128(d, a), d = ROTATE(d, 16); \
    c = _mm_add_epi32(c, d), b = _mm_xor_si128(b, c), b = ROTATE(b, 12); \
    a = _mm_add_epi32(a, b), d = _mm_xor_si128(d, a), d = ROTATE(d, 8); \
    c = _mm_add_epi32(c, d), b = _mm_xor_si128(b, c), b = ROTATE(b, 7)

static u64 kernel(void)
{
    const __m128i constant = _mm_set_epi32(0x6b206574, 0x79622d32, 0x3320646e, 0x61707865);
    const __m128i low = _mm_set_epi32(4, 3, 2, 1), high = _mm_set_epi32(8, 7, 6, 5);
    __m128i counter = _mm_set_epi32(11, 10, 9, 0);
    for (u32 i = 0; i < sizeof data; i++)
        data[i] = (u8)(i * 7);
    for (int round = 0; round < 180; round++) {
        for (u32 at = 0; at < sizeof data; at += 64) {
            __m128i a = constant, b = low, c = high, d = counter;
            for (int i = 0; i < 10; i++) {
                QUARTER;
                b = _mm_shuffle_epi32(b, 0x39), c = _mm_shuffle_epi32(c, 0x4e), d = _mm_shuffle_epi32(d, 0x93);
                QUARTER;
                b = _mm_shuffle_epi32(b, 0x93), c = _mm_shuffle_epi32(c, 0x4e), d = _mm_shuffle_epi32(d, 0x39);
            }
            __m128i *to = (__m128i *)(data + at);
            _mm_storeu_si128(to, _mm_xor_si128(_mm_loadu_si128(to), _mm_add_epi32(a, constant)));
            _mm_storeu_si128(to + 1, _mm_xor_si128(_mm_loadu_si128(to + 1), _mm_add_epi32(b, low)));
            _mm_storeu_si128(to + 2, _mm_xor_si128(_mm_loadu_si128(to + 2), _mm_add_epi32(c, high)));
            _mm_storeu_si128(to + 3, _mm_xor_si128(_mm_loadu_si128(to + 3), _mm_add_epi32(d, counter)));
            counter = _mm_add_epi32(counter, _mm_set_epi32(0, 0, 0, 1));
        }
    }
    return fold_bytes(data, sizeof data);
}
