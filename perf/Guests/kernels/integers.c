/* Registers alone: shifts, multiplications, divisions by constants and by variables. */
#include "kernel.h"

static u64 kernel(void)
{
    u64 x = 88172645463325252, sum = 0;
    for (u32 i = 1; i < 8000000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        sum += x % 1000 + (x / 7 & 15);
        if ((i & 15) == 0)
            sum += x / i;
        sum = sum << 9 | sum >> 55;
    }
    return sum;
}
