/* Code that is made anew all the time, as a just-in-time compiler's is: what was translated of it must go, and be made again. */
#include "kernel.h"

enum { FUNCTIONS = 8, SIZE = 64, ROUNDS = 250 };

static u64 kernel(void)
{
    static u8 *code;
    if (!code)
        code = map_pages(1, PROT_READ | PROT_WRITE | PROT_EXEC);
    u64 sum = 0;
    for (u32 round = 0; round < ROUNDS; round++) {
        for (u32 i = 0; i < FUNCTIONS; i++) {
            /* lea eax, [rdi + number]; imul eax, eax, number; ret */
            u8 *at = code + i * SIZE;
            u32 first = round * 7 + i, second = round ^ i * 0x10101;
            at[0] = 0x8d, at[1] = 0x87, at[6] = 0x69, at[7] = 0xc0, at[12] = 0xc3;
            memcpy(at + 2, &first, 4);
            memcpy(at + 8, &second, 4);
        }
        for (u32 call = 0; call < 400; call++)
            sum = fold(sum, ((u32(*)(u64))(void *)(code + call % FUNCTIONS * SIZE))(call));
    }
    return sum;
}
