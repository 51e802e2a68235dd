/* An interpreter's main loop with computed gotos, running a program with loops, arithmetic and memory. */
#include "kernel.h"

enum { HALT, LOAD, ADD, SUBTRACT, XOR, SHIFT, MULTIPLY, STORE, FETCH, LOOP, LESS, JUMP_IF };

/* Each is an operation and three operands: registers, or a number in the last two. */
static const u8 code[] = {
    LOAD, 0, 0x20, 0x4e, LOAD, 1, 1, 0, LOAD, 2, 7, 0, LOAD, 5, 63, 0,
    ADD, 1, 1, 2, XOR, 3, 1, 2, SHIFT, 4, 3, 5, MULTIPLY, 1, 1, 4, STORE, 1, 3, 0, FETCH, 6, 4, 0,
    LESS, 7, 6, 1, JUMP_IF, 7, 52, 0, SUBTRACT, 2, 2, 1, ADD, 2, 2, 6, LOOP, 0, 16, 0, HALT, 0, 0, 0,
};

static u64 interpret(u64 seed)
{
    static const void *const labels[] = {&&halt, &&load, &&add, &&subtract, &&xor, &&shift, &&multiply, &&store, &&fetch, &&loop, &&less, &&jump_if};
    u64 registers[8] = {0}, memory[256] = {0};
    const u8 *at = code;
    memory[1] = seed;
#define NEXT goto *labels[at[0]]
#define A registers[at[1]]
#define B registers[at[2]]
#define C registers[at[3]]
    NEXT;
load: A = at[2] | (u64)at[3] << 8; at += 4; NEXT;
add: A = B + C; at += 4; NEXT;
subtract: A = B - C; at += 4; NEXT;
xor: A = B ^ C; at += 4; NEXT;
shift: A = B >> (C & 63) | B << 1; at += 4; NEXT;
multiply: A = B * (C | 1); at += 4; NEXT;
store: memory[B & 255] = A; at += 4; NEXT;
fetch: A = memory[B & 255] + seed; at += 4; NEXT;
loop: at = --A ? code + at[2] : at + 4; NEXT;
less: A = B < C; at += 4; NEXT;
jump_if: at = A ? code + at[2] : at + 4; NEXT;
halt:
    return fold(fold(registers[1], registers[2]), registers[6]);
}

static u64 kernel(void)
{
    u64 sum = 0;
    for (u64 i = 0; i < 40; i++)
        sum = fold(sum, interpret(i));
    return sum;
}
