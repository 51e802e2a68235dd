/* Writes, runs and abandons functions for the given number of rounds, as a JIT does: each round is new code. */
#include "guest.h"

enum { FUNCTIONS = 512, SIZE = 256 };

typedef u64 (*function)(u64);

int program(int count, char **arguments, char **environment)
{
    (void)environment;
    u64 rounds = 0;
    for (const char *at = count > 1 ? arguments[1] : "50"; *at; at++)
        rounds = rounds * 10 + (u64)(*at - '0');
    u8 *code = map_pages(FUNCTIONS * SIZE / 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
    u64 wrong = 0;
    for (u64 round = 0; round < rounds; round++) {
        for (u32 f = 0; f < FUNCTIONS; f++) {
            u8 *at = code + f * SIZE;
            u32 constant = (u32)(round * FUNCTIONS + f);
            *at++ = 0x48, *at++ = 0x89, *at++ = 0xf8; /* mov rax, rdi */
            for (int i = 0; i < 20; i++) {
                u32 operand = constant + (u32)i;
                *at++ = 0x48, *at++ = 0x05; /* add rax, imm32 */
                memcpy(at, &operand, 4);
                at += 4;
            }
            *at = 0xc3;
        }
        for (u32 f = 0; f < FUNCTIONS; f++) {
            u64 constant = round * FUNCTIONS + f, result = ((function)(code + f * SIZE))(5);
            wrong += result != 5 + 20 * constant + 190;
        }
    }
    claim("every generated function returns its value", wrong == 0);
    return failures;
}
