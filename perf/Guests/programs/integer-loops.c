/* Loops whose instructions are counted by hand, timed from inside; prints "name MIPS" for each. */
#include "../../../tests/Guests/programs/scenarios/guest.h"

static u64 nanoseconds(void)
{
    u64 time[2];
    CALL2(SYS_clock_gettime, 1, time);
    return time[0] * 1000000000 + time[1];
}

static void report(const char *name, u64 instructions, u64 elapsed)
{
    print(name);
    print(" ");
    print_number(instructions * 1000 / (elapsed | 1));
    print("\n");
}

static u32 table[4096];

int program(int count, char **arguments, char **environment)
{
    (void)count, (void)arguments, (void)environment;
    u64 rounds = 10000000, start, n;

    start = nanoseconds();
    n = rounds;
    __asm__ volatile("1: add $3, %%rax\n\txor %%rax, %%rdx\n\tlea 5(%%rdx,%%rax,2), %%rsi\n\tsub %%rsi, %%rdi\n\tdec %0\n\tjnz 1b" : "+r"(n) : : "rax", "rdx", "rsi", "rdi", "cc");
    report("registers", rounds * 6, nanoseconds() - start);

    start = nanoseconds();
    n = rounds;
    u64 x = 88172645463325252, t;
    __asm__ volatile("1: mov %1, %2\n\tshl $13, %2\n\txor %2, %1\n\tmov %1, %2\n\tshr $7, %2\n\txor %2, %1\n\tmov %1, %2\n\tshl $17, %2\n\txor %2, %1\n\tdec %0\n\tjnz 1b" : "+r"(n), "+r"(x), "=&r"(t) : : "cc");
    report("xorshift", rounds * 11, nanoseconds() - start);

    start = nanoseconds();
    n = rounds;
    __asm__ volatile("1: mov %k0, %%eax\n\tand $4095, %%eax\n\tmov (%1,%%rax,4), %%edx\n\tadd %k0, %%edx\n\tmov %%edx, (%1,%%rax,4)\n\tdec %0\n\tjnz 1b" : "+r"(n) : "r"(table) : "rax", "rdx", "cc", "memory");
    report("memory", rounds * 7, nanoseconds() - start);

    start = nanoseconds();
    n = rounds;
    u64 taken = 0;
    x = 1;
    /* Two ways through, of 6 and 7 instructions; half of the rounds go each way. */
    __asm__ volatile("1: imul $1103515245, %k1, %k1\n\tadd $12345, %k1\n\ttest $0x10000, %k1\n\tjz 2f\n\tinc %2\n2: dec %0\n\tjnz 1b" : "+r"(n), "+r"(x), "+r"(taken) : : "cc");
    report("branches", rounds * 6 + taken, nanoseconds() - start);

    start = nanoseconds();
    n = rounds / 2;
    __asm__ volatile("jmp 2f\n3: push %%rbx\n\tmov %%rax, %%rbx\n\tadd $1, %%rbx\n\tmov %%rbx, %%rax\n\tpop %%rbx\n\tret\n2: call 3b\n\tdec %0\n\tjnz 2b" : "+r"(n) : : "rax", "cc", "memory");
    report("calls", rounds / 2 * 9, nanoseconds() - start);
    return 0;
}
