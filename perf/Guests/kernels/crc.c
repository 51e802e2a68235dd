/* CRC-32 by tables, one byte and four bytes at a time: dependent loads. */
#include "kernel.h"

static u32 table[4][256];
static u8 data[1 << 16];

static u64 kernel(void)
{
    u32 state = 7;
    for (u32 i = 0; i < 256; i++) {
        u32 c = i;
        for (int bit = 0; bit < 8; bit++)
            c = (c >> 1) ^ (c & 1 ? 0xedb88320u : 0);
        table[0][i] = c;
    }
    for (u32 i = 0; i < 256; i++)
        for (int k = 1; k < 4; k++)
            table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 255];
    for (u32 i = 0; i < sizeof data; i++)
        data[i] = (u8)next(&state);
    u32 one = ~0u, four = ~0u;
    for (int round = 0; round < 120; round++) {
        for (u32 i = 0; i < sizeof data; i++)
            one = table[0][(one ^ data[i]) & 0xff] ^ one >> 8;
        for (u32 i = 0; i < sizeof data; i += 4) {
            u32 word = four ^ (data[i] | (u32)data[i + 1] << 8 | (u32)data[i + 2] << 16 | (u32)data[i + 3] << 24);
            four = table[3][word & 255] ^ table[2][word >> 8 & 255] ^ table[1][word >> 16 & 255] ^ table[0][word >> 24];
        }
    }
    return one == four ? fold(one, table[1][255]) : 0;
}
