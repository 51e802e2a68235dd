/* What every kernel is made of: it defines kernel(), which does the same work each time it is called and returns a checksum of it.

   usage: NAME [ROUNDS]
   prints "checksum HEX", which all rounds must agree on, then "rounds NS NS NS...", each by the guest's own monotonic clock: the first
   rounds are cold, the last ones warm. */
#ifndef KERNEL_H
#define KERNEL_H

#include "../../../tests/Guests/programs/scenarios/guest.h"

enum { ROUNDS_BY_DEFAULT = 12, ROUNDS_AT_MOST = 4096 };

static u64 kernel(void);

static inline u32 next(u32 *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Of what a kernel wrote: the one it would be hard to be right by chance about. */
static inline u64 fold(u64 sum, u64 value)
{
    return (sum ^ value) * 0x9e3779b97f4a7c15 + (sum >> 29);
}

static inline u64 fold_bytes(const void *bytes, u64 count)
{
    u64 sum = count;
    for (u64 i = 0; i + 8 <= count; i += 8)
        sum = fold(sum, *(const u64 __attribute__((may_alias, aligned(1))) *)((const u8 *)bytes + i));
    return sum;
}

static u64 nanoseconds(void)
{
    u64 time[2];
    CALL2(SYS_clock_gettime, 1, time);
    return time[0] * 1000000000 + time[1];
}

static void print_hexadecimal(u64 number)
{
    char digits[17];
    for (int i = 0; i < 16; i++)
        digits[i] = "0123456789abcdef"[number >> (60 - 4 * i) & 15];
    digits[16] = 0;
    print(digits);
}

static u64 round_times[ROUNDS_AT_MOST];

int program(int count, char **arguments, char **environment)
{
    (void)environment;
    u64 rounds = 0;
    for (const char *digit = count > 1 ? arguments[1] : ""; *digit >= '0' && *digit <= '9'; digit++)
        rounds = rounds * 10 + (u64)(*digit - '0');
    if (rounds == 0 || rounds > ROUNDS_AT_MOST)
        rounds = ROUNDS_BY_DEFAULT;

    u64 checksum = 0;
    for (u64 i = 0; i < rounds; i++) {
        u64 start = nanoseconds();
        u64 result = kernel();
        round_times[i] = nanoseconds() - start;
        if (i > 0 && result != checksum) {
            print("rounds differ\n");
            return 1;
        }
        checksum = result;
    }

    print("checksum ");
    print_hexadecimal(checksum);
    print("\nrounds");
    for (u64 i = 0; i < rounds; i++) {
        print(" ");
        print_number(round_times[i]);
    }
    print("\n");
    return 0;
}

#endif
