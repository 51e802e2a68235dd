/* Indirect calls: objects of six classes behind one interface, one method each, in an order that does not repeat soon. */
#include "kernel.h"

struct shape;
typedef u64 (*method)(struct shape *, u64);
struct shape {
    const method *methods;
    u64 state;
};

static u64 add(struct shape *shape, u64 x) { return shape->state += x; }
static u64 mix(struct shape *shape, u64 x) { return shape->state = (shape->state ^ x) * 0xff51afd7ed558ccd; }
static u64 rotate(struct shape *shape, u64 x) { return shape->state = (shape->state << 7 | shape->state >> 57) + x; }
static u64 count(struct shape *shape, u64 x) { return shape->state += x & 1; }
static u64 keep(struct shape *shape, u64 x) { return x > shape->state ? shape->state = x : shape->state; }
static u64 square(struct shape *shape, u64 x) { return shape->state = x * x + 1; }

static const method adding[] = {add, mix}, mixing[] = {mix, count}, rotating[] = {rotate, keep}, counting[] = {count, add}, keeping[] = {keep, square}, squaring[] = {square, rotate};
static const method *const classes[] = {adding, mixing, rotating, counting, keeping, squaring};

enum { SHAPES = 600 };
static struct shape shapes[SHAPES];

static u64 kernel(void)
{
    u32 state = 23;
    for (u32 i = 0; i < SHAPES; i++)
        shapes[i] = (struct shape){classes[next(&state) % 6], i};
    u64 sum = 0;
    for (u32 round = 0; round < 6000; round++)
        for (u32 i = 0; i < SHAPES; i++)
            sum += shapes[i].methods[round & 1](&shapes[i], sum);
    return sum;
}
