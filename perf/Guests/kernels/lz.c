/* Compression after Lempel and Ziv with a table of hashes, and the way back. */
#include "kernel.h"

enum { SIZE = 1 << 18, HASHES = 1 << 13 };
static u8 text[SIZE], packed[SIZE * 2], unpacked[SIZE];
static u32 last[HASHES];

static u32 word_at(const u8 *at)
{
    return *(const u32 __attribute__((may_alias, aligned(1))) *)at;
}

static u32 compress(void)
{
    u8 *out = packed, *run = out++;
    *run = 0;
    memset(last, 0, sizeof last);
    for (u32 i = 0; i < SIZE;) {
        u32 length = 0, distance = 0;
        if (i + 8 < SIZE) {
            u32 *slot = &last[word_at(text + i) * 2654435761u >> 19];
            distance = i - *slot;
            if (*slot && distance < 65536)
                while (length < 255 && i + length < SIZE && text[*slot + length] == text[i + length])
                    length++;
            *slot = i;
        }
        if (length < 4) {
            if (*run == 127) {
                run = out++;
                *run = 0;
            }
            ++*run;
            *out++ = text[i++];
        } else {
            *out++ = (u8)(128 | length >> 4);
            *out++ = (u8)length;
            *out++ = (u8)distance;
            *out++ = (u8)(distance >> 8);
            run = out++;
            *run = 0;
            i += length;
        }
    }
    return (u32)(out - packed);
}

static u32 expand(u32 size)
{
    u32 out = 0;
    for (u32 in = 0; in < size;) {
        u8 token = packed[in++];
        if (token < 128) {
            for (; token > 0; token--)
                unpacked[out++] = packed[in++];
        } else {
            u32 length = packed[in], distance = packed[in + 1] | (u32)packed[in + 2] << 8;
            in += 3;
            for (; length > 0; length--, out++)
                unpacked[out] = unpacked[out - distance];
        }
    }
    return out;
}

static u64 kernel(void)
{
    static const char *const words[] = {"ember ", "fjord ", "glyph ", "harbour ", "isthmus ", "juniper, ", "kestrel. ", "lantern\n"};
    u32 state = 43;
    for (u32 i = 0; i < SIZE;)
        for (const char *c = words[next(&state) >> 6 & 7]; *c && i < SIZE; c++)
            text[i++] = (u8)*c ^ ((next(&state) & 0x1f00) == 0);
    u64 sum = 0;
    for (int round = 0; round < 5; round++) {
        u32 size = compress();
        sum = fold(sum, size);
        sum = fold(sum, expand(size));
        sum = fold(sum, fold_bytes(unpacked, SIZE));
        text[round * 1000] ^= 1;
    }
    return sum;
}
