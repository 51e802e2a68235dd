/* Numbers of 2048 bits: products by the school's method, sums with carries, and reduction after Montgomery. */
#include "kernel.h"

enum { LIMBS = 32 };
typedef unsigned __int128 u128;

static u64 modulus[LIMBS], accumulator[LIMBS], product[2 * LIMBS + 1];

static void multiply(u64 *to, const u64 *a, const u64 *b)
{
    memset(to, 0, (2 * LIMBS + 1) * 8);
    for (int i = 0; i < LIMBS; i++) {
        u64 carry = 0;
        for (int j = 0; j < LIMBS; j++) {
            u128 t = (u128)a[i] * b[j] + to[i + j] + carry;
            to[i + j] = (u64)t;
            carry = (u64)(t >> 64);
        }
        to[i + LIMBS] = carry;
    }
}

static void reduce(u64 *to, u64 *t, u64 inverse)
{
    for (int i = 0; i < LIMBS; i++) {
        u64 factor = t[i] * inverse, carry = 0;
        for (int j = 0; j < LIMBS; j++) {
            u128 s = (u128)factor * modulus[j] + t[i + j] + carry;
            t[i + j] = (u64)s;
            carry = (u64)(s >> 64);
        }
        for (int j = i + LIMBS; carry && j <= 2 * LIMBS; j++) {
            u128 s = (u128)t[j] + carry;
            t[j] = (u64)s;
            carry = (u64)(s >> 64);
        }
    }
    u64 borrow = 0;
    for (int i = 0; i < LIMBS; i++) {
        u128 d = (u128)t[LIMBS + i] - modulus[i] - borrow;
        to[i] = (u64)d;
        borrow = (u64)(d >> 64) & 1;
    }
    if (borrow > t[2 * LIMBS])
        for (int i = 0; i < LIMBS; i++)
            to[i] = t[LIMBS + i];
}

static u64 kernel(void)
{
    u32 state = 37;
    for (int i = 0; i < LIMBS; i++) {
        modulus[i] = (u64)next(&state) << 32 | next(&state);
        accumulator[i] = (u64)next(&state) << 32 | next(&state);
    }
    modulus[0] |= 1;
    modulus[LIMBS - 1] |= 1ul << 63;
    u64 inverse = 1;
    for (int i = 0; i < 6; i++)
        inverse *= 2 - modulus[0] * inverse;
    for (int i = 0; i < 5500; i++) {
        multiply(product, accumulator, accumulator);
        reduce(accumulator, product, -inverse);
    }
    return fold_bytes(accumulator, sizeof accumulator);
}
