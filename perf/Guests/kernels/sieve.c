/* Strided byte stores over two megabytes. */
#include "kernel.h"

enum { LIMIT = 2000000 };
static u8 composite[LIMIT];

static u64 kernel(void)
{
    u64 count = 0;
    for (int round = 0; round < 4; round++) {
        memset(composite, 0, sizeof composite);
        for (u32 i = 2; i < LIMIT; i++) {
            if (composite[i])
                continue;
            count += i;
            for (u32 j = 2 * i; j < LIMIT; j += i)
                composite[j] = 1;
        }
    }
    return count;
}
