/* Of two NaNs an operation returns the first operand's: in loops that run long without any, in registers that bring one along, and in those that come to be on the way. */
#include "guest.h"
#include <emmintrin.h>

enum { COUNT = 4096, INVALID = 1, DENORMAL = 2 };

static double left[COUNT], right[COUNT], out[COUNT];
static float left_single[COUNT], right_single[COUNT], out_single[COUNT];

static u64 bits(double value)
{
    u64 result;
    memcpy(&result, &value, 8);
    return result;
}

static u32 bits_single(float value)
{
    u32 result;
    memcpy(&result, &value, 4);
    return result;
}

static double nan_of(u64 payload)
{
    u64 all = 0x7ff8000000000000 | payload;
    double result;
    memcpy(&result, &all, 8);
    return result;
}

static float nan_single(u32 payload)
{
    u32 all = 0x7fc00000 | payload;
    float result;
    memcpy(&result, &all, 4);
    return result;
}

static u32 mxcsr(void)
{
    u32 value;
    __asm__ volatile("stmxcsr %0" : "=m"(value));
    return value;
}

static void clear_flags(void)
{
    u32 value = 0x1f80;
    __asm__ volatile("ldmxcsr %0" : : "m"(value));
}

/* The order of operands is the program's: a compiler would swap them, too. */
#define PACKED(name, instruction, vector) \
    static inline vector name(vector a, vector b) \
    { \
        __asm__(instruction " %1, %0" : "+x"(a) : "xm"(b)); \
        return a; \
    }
PACKED(add, "addpd", __m128d)
PACKED(multiply, "mulpd", __m128d)
PACKED(subtract, "subpd", __m128d)
PACKED(add_single, "addps", __m128)
PACKED(multiply_single, "mulps", __m128)

/* One element at a time: no compiler gives these another order. */
static double scalar(const char operation, double a, double b)
{
    if (operation == '+')
        __asm__("addsd %1, %0" : "+x"(a) : "x"(b));
    else
        __asm__("mulsd %1, %0" : "+x"(a) : "x"(b));
    return a;
}

static float scalar_single(const char operation, float a, float b)
{
    if (operation == '+')
        __asm__("addss %1, %0" : "+x"(a) : "x"(b));
    else
        __asm__("mulss %1, %0" : "+x"(a) : "x"(b));
    return a;
}

static void fill(void)
{
    for (u32 i = 0; i < COUNT; i++) {
        left[i] = (double)(i % 97) - 48.5;
        right[i] = (double)(i % 31) * 0.25 - 3.75;
        left_single[i] = (float)left[i];
        right_single[i] = (float)right[i];
    }
}

__attribute__((noinline)) static void sums(void)
{
    for (u32 i = 0; i < COUNT; i += 2)
        _mm_storeu_pd(out + i, add(_mm_loadu_pd(left + i), _mm_loadu_pd(right + i)));
}

__attribute__((noinline)) static void products(void)
{
    for (u32 i = 0; i < COUNT; i += 2)
        _mm_storeu_pd(out + i, multiply(_mm_loadu_pd(left + i), _mm_loadu_pd(right + i)));
}

__attribute__((noinline)) static void products_single(void)
{
    for (u32 i = 0; i < COUNT; i += 4)
        _mm_storeu_ps(out_single + i, multiply_single(add_single(_mm_loadu_ps(left_single + i), _mm_loadu_ps(right_single + i)), _mm_loadu_ps(right_single + i)));
}

/* The sum comes into the loop in a register, and is all that meets what is loaded. */
__attribute__((noinline)) static __m128d dot(__m128d sum, __m128d factor)
{
    for (u32 i = 0; i < COUNT; i += 2)
        sum = add(sum, multiply(factor, _mm_loadu_pd(right + i)));
    return sum;
}

/* Points of a plane that run away, as they do in a Mandelbrot set: nothing is loaded, and infinities become NaNs. */
__attribute__((noinline)) static __m128d escape(__m128d x, __m128d y, __m128d c, u32 turns)
{
    const __m128d limit = _mm_set1_pd(4), one = _mm_set1_pd(1);
    __m128d count = _mm_setzero_pd();
    while (turns-- > 0) {
        __m128d xx = multiply(x, x), yy = multiply(y, y), xy = multiply(x, y);
        count = add(count, _mm_and_pd(one, _mm_cmple_pd(add(xx, yy), limit)));
        x = add(subtract(xx, yy), c);
        y = add(add(xy, xy), c);
    }
    return add(add(x, y), count);
}

static u32 wrong(char operation)
{
    u32 result = 0;
    for (u32 i = 0; i < COUNT; i++)
        result += bits(out[i]) != bits(scalar(operation, left[i], right[i]));
    return result;
}

static u32 wrong_single(void)
{
    u32 result = 0;
    for (u32 i = 0; i < COUNT; i++)
        result += bits_single(out_single[i]) != bits_single(scalar_single('*', scalar_single('+', left_single[i], right_single[i]), right_single[i]));
    return result;
}

static double low(__m128d value)
{
    return _mm_cvtsd_f64(value);
}

static void few_nans(void)
{
    u32 errors = 0, flags = 0;
    fill();
    for (u32 round = 0; round < 40; round++) {
        /* Rounds without any, then one pair more each round. */
        for (u32 i = 8; i < round; i++) {
            u32 at = (i * 389) % COUNT;
            left[at] = left[(at + 100) % COUNT] = nan_of(i), right[at] = right[(at + 200) % COUNT] = nan_of(0x1000 + i);
            left_single[at] = left_single[(at + 100) % COUNT] = nan_single(i), right_single[at] = right_single[(at + 200) % COUNT] = nan_single(0x1000 + i);
        }
        clear_flags();
        sums();
        flags |= mxcsr();
        errors += wrong('+');
        products();
        errors += wrong('*');
        products_single();
        errors += wrong_single();
    }
    claim("of two NaNs the first one is returned", errors == 0);
    claim("quiet NaNs signal nothing", (flags & (INVALID | DENORMAL)) == 0);
}

static void signalling(void)
{
    u64 noisy = 0x7ff0000000000001, tiny = 1;
    fill();
    memcpy(&left[1000], &noisy, 8);
    clear_flags();
    products();
    u32 flags = mxcsr();
    claim("a signalling NaN signals", (flags & INVALID) != 0 && wrong('*') == 0);
    fill();
    memcpy(&left[1000], &tiny, 8);
    right[1000] = nan_of(5);
    clear_flags();
    products();
    flags = mxcsr();
    claim("a denormal number beside a NaN does not", (flags & (INVALID | DENORMAL)) == 0 && wrong('*') == 0);
    right[1000] = 1;
    clear_flags();
    products();
    claim("and does beside a number", (mxcsr() & DENORMAL) != 0);
}

static void carried(void)
{
    u32 errors = 0;
    fill();
    for (u32 round = 0; round < 60; round++) {
        errors += bits(low(dot(_mm_setzero_pd(), _mm_set1_pd(2)))) >> 52 == 0x7ff;
        if (round > 20)
            errors += bits(low(dot(_mm_set1_pd(nan_of(round)), _mm_set1_pd(nan_of(7))))) != bits(nan_of(round));
    }
    const u64 infinity = 0x7ff0000000000000;
    memcpy(&right[3000], &infinity, 8);
    for (u32 round = 0; round < 60; round++) {
        errors += bits(low(dot(_mm_setzero_pd(), _mm_setzero_pd()))) != 0xfff8000000000000;
        if (round > 20)
            errors += bits(low(dot(_mm_set1_pd(nan_of(round)), _mm_setzero_pd()))) != bits(nan_of(round));
    }
    right[2000] = nan_of(9);
    for (u32 round = 0; round < 60; round++) {
        errors += bits(low(dot(_mm_set1_pd(nan_of(round)), _mm_set1_pd(2)))) != bits(nan_of(round));
        errors += bits(low(dot(_mm_setzero_pd(), _mm_set1_pd(nan_of(3))))) != bits(nan_of(3));
        errors += bits(low(dot(_mm_setzero_pd(), _mm_set1_pd(2)))) != bits(nan_of(9));
    }
    claim("NaNs that registers bring into a loop keep their order", errors == 0);
}

static void born(void)
{
    u32 errors = 0;
    for (u32 round = 0; round < 300; round++) {
        double end = low(escape(_mm_set1_pd(0.1), _mm_set1_pd(0.2), _mm_set1_pd(round % 2 ? 5 : 0.01), 40));
        errors += (bits(end) == 0xfff8000000000000) != (round % 2);
        if (round > 100)
            errors += bits(low(escape(_mm_set1_pd(nan_of(round)), _mm_set1_pd(nan_of(1)), _mm_set1_pd(nan_of(2)), 1 + round % 3))) != bits(nan_of(round));
    }
    claim("NaNs that operations make, and others that meet them, too", errors == 0);
}

int program(int count, char **arguments, char **environment)
{
    (void)count, (void)arguments, (void)environment;
    few_nans();
    signalling();
    carried();
    born();
    return failures;
}
