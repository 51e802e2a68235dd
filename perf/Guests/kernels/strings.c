/* Bytes one at a time, as text is handled in C: length, comparison, search, copy with change of case, numbers to digits and back. */
#include "kernel.h"

enum { SIZE = 1 << 16 };
static u8 text[SIZE], other[SIZE];

static __attribute__((noinline)) u64 length(const u8 *s)
{
    const u8 *end = s;
    while (*end)
        end++;
    return (u64)(end - s);
}

static __attribute__((noinline)) int compare(const u8 *a, const u8 *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a - *b;
}

static __attribute__((noinline)) const u8 *find(const u8 *s, const u8 *wanted)
{
    for (; *s; s++) {
        u32 i = 0;
        while (wanted[i] && s[i] == wanted[i])
            i++;
        if (!wanted[i])
            return s;
    }
    return 0;
}

static __attribute__((noinline)) u8 *upper(u8 *to, const u8 *from)
{
    for (; *from; from++)
        *to++ = *from >= 'a' && *from <= 'z' ? *from - 32 : *from;
    *to = 0;
    return to;
}

static __attribute__((noinline)) u64 digits(u64 number)
{
    u8 buffer[24], *at = buffer + 23;
    *at = 0;
    do
        *--at = (u8)('0' + number % 10);
    while (number /= 10);
    u64 back = 0;
    for (; *at; at++)
        back = back * 10 + (u64)(*at - '0');
    return back;
}

static u64 kernel(void)
{
    u32 state = 29;
    for (u32 i = 0; i < SIZE - 8; i++)
        text[i] = "etaoinshrdlu wmf"[next(&state) >> 9 & 15];
    for (u32 i = 0; i < 7; i++)
        text[SIZE - 8 + i] = "needle."[i];
    text[SIZE - 1] = 0;
    u64 sum = 0;
    for (u32 round = 0; round < 100; round++) {
        text[round * 128] = (u8)('A' + round % 26);
        sum = fold(sum, length(text));
        sum = fold(sum, (u64)(find(text, (const u8 *)"needle") - text));
        sum = fold(sum, (u64)(upper(other, text) - other));
        sum = fold(sum, (u64)compare(text, other));
        memcpy(other, text, SIZE);
        sum = fold(sum, (u64)compare(text + round, other + round));
        for (u32 i = 0; i < 1000; i++)
            sum = fold(sum, digits(sum + i));
    }
    return sum;
}
