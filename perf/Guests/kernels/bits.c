/* Sets of bits: counted, scanned, extracted and deposited, with BMI. */
#pragma GCC target("bmi,bmi2,lzcnt,popcnt")
#include "kernel.h"
#include <x86intrin.h>

enum { WORDS = 1 << 12 };
static u64 set[WORDS];

static u64 kernel(void)
{
    u32 state = 47;
    u64 sum = 0;
    for (u32 i = 0; i < WORDS; i++)
        set[i] = (u64)next(&state) << 32 | next(&state);
    for (u32 round = 0; round < 560; round++) {
        for (u32 i = 0; i < WORDS; i++) {
            u64 word = set[i];
            sum += _mm_popcnt_u64(word) + _lzcnt_u64(word) * 3;
            sum ^= _bzhi_u64(word, round & 63) + _andn_u64(word, sum);
            sum = sum << 53 | sum >> 11;
            for (u64 rest = word & 0x1010101010101010; rest; rest = _blsr_u64(rest))
                sum += _tzcnt_u64(rest) * i;
            set[i] = word + (_pext_u64(word, 0x00ff00ff00ff00ff) ^ _pdep_u64(round, word));
        }
    }
    return sum;
}
