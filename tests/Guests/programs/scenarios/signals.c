/* A timer's signals at every kind of safepoint: they arrive, and the interrupted code's registers survive them. */
#include "guest.h"

static volatile u32 arrived;

static void on_alarm(int signal, struct siginfo *information, struct context *context)
{
    (void)signal, (void)information, (void)context;
    /* Spoil what a careless return would leave behind. */
    __asm__ volatile("mov $-1, %%rax\n\tmov $-1, %%rcx\n\tmov $-1, %%rdx\n\tmov $-1, %%r8\n\tmov $-1, %%r9\n\tpcmpeqd %%xmm0, %%xmm0\n\tpcmpeqd %%xmm7, %%xmm7\n\tcld\n\tstc" : : : "rax", "rcx", "rdx", "r8", "r9", "xmm0", "xmm7", "cc");
    arrived++;
}

#define UNTIL_SIGNALLED(name, times, body)                                  \
    do {                                                                    \
        u32 first = arrived;                                                \
        u64 deadline = milliseconds() + 30000;                              \
        int good = 1;                                                       \
        while (arrived - first < (times) && milliseconds() < deadline)      \
            body;                                                           \
        claim(name, good && arrived - first >= (times));                    \
    } while (0)

static u64 mix(u64 rounds)
{
    u64 x = 88172645463325252, sum = 0;
    while (rounds--) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        sum += x;
    }
    return sum;
}

static int depth(int n) { return n == 0 ? 0 : 1 + depth(n - 1); }

static u64 flags_loop(void)
{
    u64 carries = 0;
    for (u32 i = 0; i < 20000; i++)
        __asm__ volatile("add %1, %1\n\tadc $0, %0" : "+r"(carries) : "r"((u64)(i & 1) << 63) : "cc");
    return carries;
}

static double floating(void)
{
    double x = 1;
    for (int i = 0; i < 20000; i++)
        x = x * 1.0000001 + 0.5;
    return x;
}

int program(int count, char **arguments, char **environment)
{
    (void)count, (void)arguments, (void)environment;
    u64 expected = mix(5000), carries = flags_loop();
    double real = floating();
    static u8 from[1 << 16], to[1 << 16];
    for (u32 i = 0; i < sizeof from; i++)
        from[i] = (u8)(i * 7);

    handle(SIGALRM, on_alarm, 0x10000000); /* SA_RESTART */
    every_microseconds(500);
    UNTIL_SIGNALLED("in a loop", 100, good &= mix(5000) == expected);
    UNTIL_SIGNALLED("in calls and returns", 100, good &= depth(300) == 300);
    UNTIL_SIGNALLED("between an instruction that sets flags and one that reads them", 100, good &= flags_loop() == carries);
    UNTIL_SIGNALLED("in floating-point code", 100, good &= floating() == real);
    UNTIL_SIGNALLED("in a repeated string instruction", 100, {
        memset(to, 0, sizeof to);
        memcpy(to, from, sizeof to);
        good &= to[1] == 7 && to[65535] == (u8)(65535 * 7) && to[32768] == (u8)(32768 * 7);
    });
    UNTIL_SIGNALLED("in system calls", 100, good &= CALL0(SYS_getpid) > 0);
    UNTIL_SIGNALLED("in a call that waits", 100, {
        static u64 time[2];
        time[1] = 20000000;
        i64 result = CALL2(SYS_nanosleep, time, 0);
        good &= result == -4 || result == 0;
    });
    UNTIL_SIGNALLED("at a branch to itself", 100, {
        u32 now = arrived;
        while (arrived == now)
            ;
    });
    UNTIL_SIGNALLED("in atomic instructions", 100, {
        static u64 counter;
        u64 start = counter;
        for (int i = 0; i < 3000; i++)
            __atomic_fetch_add(&counter, 1, __ATOMIC_SEQ_CST);
        good &= counter - start == 3000;
    });
    every_microseconds(0);
    u32 before = arrived;
    CALL2(SYS_kill, CALL0(SYS_getpid), SIGALRM);
    claim("before kill returns", arrived == before + 1);
    u64 blocked = 1ul << (SIGALRM - 1), old;
    CALL4(SYS_rt_sigprocmask, 0, &blocked, &old, 8);
    CALL2(SYS_kill, CALL0(SYS_getpid), SIGALRM);
    int held = arrived == before + 1;
    CALL4(SYS_rt_sigprocmask, 2, &old, 0, 8);
    claim("blocked, and delivered when unblocked", held && arrived == before + 2);
    return failures;
}
