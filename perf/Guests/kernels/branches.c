/* Decisions that follow the data: a lexer's state machine, and binary searches. */
#include "kernel.h"

enum { SIZE = 1 << 15, KEYS = 4096 };
static u8 text[SIZE];
static u32 keys[KEYS];

static u64 lex(void)
{
    u64 words = 0, numbers = 0, strings = 0, others = 0;
    for (u32 i = 0; i < SIZE;) {
        u8 c = text[i];
        if (c == ' ' || c == '\n') {
            i++;
        } else if (c >= 'a' && c <= 'z') {
            while (i < SIZE && ((text[i] >= 'a' && text[i] <= 'z') || text[i] == '_'))
                i++;
            words++;
        } else if (c >= '0' && c <= '9') {
            u64 number = 0;
            while (i < SIZE && text[i] >= '0' && text[i] <= '9')
                number = number * 10 + (u64)(text[i++] - '0');
            numbers += number;
        } else if (c == '"') {
            i++;
            while (i < SIZE && text[i] != '"')
                i += text[i] == '\\' ? 2 : 1;
            i++;
            strings++;
        } else {
            others += c;
            i++;
        }
    }
    return fold(fold(fold(words, numbers), strings), others);
}

static u64 kernel(void)
{
    static const u8 alphabet[64] = "abcdefghijklmnopqrstuvwxyz_0123456789      \n\n\"+-*/()<>=;,{}&|!";
    u32 state = 17, at = 0;
    for (u32 i = 0; i < SIZE; i++)
        text[i] = alphabet[next(&state) >> 5 & 63];
    for (u32 i = 0; i < KEYS; i++)
        keys[i] = at += 1 + (next(&state) >> 12 & 15);
    u64 sum = 0;
    for (int round = 0; round < 80; round++)
        sum = fold(sum, lex());
    for (u32 i = 0; i < 300000; i++) {
        u32 wanted = next(&state) % at, low = 0, high = KEYS;
        while (low < high) {
            u32 middle = (low + high) / 2;
            if (keys[middle] < wanted)
                low = middle + 1;
            else
                high = middle;
        }
        sum += low;
    }
    return sum;
}
