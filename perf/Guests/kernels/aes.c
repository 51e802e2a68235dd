/* AES-128 in counter mode with the AES instructions (FIPS 197), four blocks at a time. */
#pragma GCC target("aes,ssse3")
#include "kernel.h"
#include <emmintrin.h>
#include <wmmintrin.h>

static u8 data[1 << 16];
static __m128i keys[11];

#define EXPAND(i, constant) \
    do { \
        __m128i key = keys[(i) - 1], made = _mm_shuffle_epi32(_mm_aeskeygenassist_si128(key, constant), 0xff); \
        key = _mm_xor_si128(key, _mm_slli_si128(key, 4)); \
        key = _mm_xor_si128(key, _mm_slli_si128(key, 8)); \
        keys[i] = _mm_xor_si128(key, made); \
    } while (0)

static u64 kernel(void)
{
    keys[0] = _mm_set_epi32(0x09cf4f3c, 0xabf71588, 0x28aed2a6, 0x2b7e1516);
    EXPAND(1, 1);
    EXPAND(2, 2);
    EXPAND(3, 4);
    EXPAND(4, 8);
    EXPAND(5, 16);
    EXPAND(6, 32);
    EXPAND(7, 64);
    EXPAND(8, 128);
    EXPAND(9, 27);
    EXPAND(10, 54);
    for (u32 i = 0; i < sizeof data; i++)
        data[i] = (u8)(i * 11);
    __m128i counter = _mm_set_epi32(1, 2, 3, 4);
    const __m128i one = _mm_set_epi32(0, 0, 0, 1);
    for (int round = 0; round < 900; round++) {
        for (u32 at = 0; at < sizeof data; at += 64) {
            __m128i x[4];
            for (int i = 0; i < 4; i++) {
                x[i] = _mm_xor_si128(counter, keys[0]);
                counter = _mm_add_epi32(counter, one);
            }
            for (int k = 1; k < 10; k++)
                for (int i = 0; i < 4; i++)
                    x[i] = _mm_aesenc_si128(x[i], keys[k]);
            __m128i *to = (__m128i *)(data + at);
            for (int i = 0; i < 4; i++)
                _mm_storeu_si128(to + i, _mm_xor_si128(_mm_loadu_si128(to + i), _mm_aesenclast_si128(x[i], keys[10])));
        }
    }
    return fold_bytes(data, sizeof data);
}
