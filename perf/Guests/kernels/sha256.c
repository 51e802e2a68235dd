/* SHA-256 (FIPS 180-4) in plain C: additions and rotations of 32 bits. */
#include "kernel.h"

static u32 constants[64], schedule[64];
static u8 message[1 << 16];

static inline u32 rotate(u32 x, int by) { return x >> by | x << (32 - by); }

/* The first 32 bits of the fractional part of the cube root of the nth prime, in whole numbers. */
static u32 root_of(u64 prime)
{
    unsigned __int128 wanted = (unsigned __int128)prime << 96;
    u64 root = 0;
    for (u64 bit = 1ul << 35; bit; bit >>= 1) {
        unsigned __int128 x = root | bit;
        if (x * x <= ~(unsigned __int128)0 / x && x * x * x <= wanted)
            root |= bit;
    }
    return (u32)root;
}

static void block(u32 *h, const u8 *bytes)
{
    for (int i = 0; i < 16; i++)
        schedule[i] = (u32)bytes[4 * i] << 24 | (u32)bytes[4 * i + 1] << 16 | (u32)bytes[4 * i + 2] << 8 | bytes[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        u32 a = schedule[i - 15], b = schedule[i - 2];
        schedule[i] = schedule[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + schedule[i - 7] + (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
    }
    u32 s[8];
    for (int i = 0; i < 8; i++)
        s[i] = h[i];
    for (int i = 0; i < 64; i++) {
        u32 t1 = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + constants[i] + schedule[i];
        u32 t2 = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        for (int k = 7; k > 0; k--)
            s[k] = s[k - 1];
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        h[i] += s[i];
}

static u64 kernel(void)
{
    u32 found = 0, state = 31;
    for (u64 candidate = 2; found < 64; candidate++) {
        int is_prime = 1;
        for (u64 divisor = 2; divisor * divisor <= candidate; divisor++)
            is_prime &= candidate % divisor != 0;
        if (is_prime)
            constants[found++] = root_of(candidate);
    }
    for (u32 i = 0; i < sizeof message; i++)
        message[i] = (u8)next(&state);
    u32 h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    for (int round = 0; round < 60; round++)
        for (u32 i = 0; i < sizeof message; i += 64)
            block(h, message + i);
    return fold_bytes(h, sizeof h);
}
