/* Direct calls: recursion, and small functions that are not inlined. */
#include "kernel.h"

static __attribute__((noinline)) u64 fibonacci(u64 n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static __attribute__((noinline)) u64 ackermann(u64 m, u64 n)
{
    return m == 0 ? n + 1 : ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1));
}

static __attribute__((noinline)) u64 step(u64 x, u64 y)
{
    return (x ^ y) * 0x9e3779b97f4a7c15;
}

static __attribute__((noinline)) u64 pair(u64 x, u64 y)
{
    return step(x, y) + step(y, x);
}

static u64 kernel(void)
{
    u64 sum = fibonacci(32) + ackermann(2, 600);
    for (u64 i = 0; i < 5000000; i++)
        sum = pair(sum, i);
    return sum;
}
