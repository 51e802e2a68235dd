#include "guest.h"

static volatile int count, last, nested;
static volatile long last_value, last_code;

static void record(int signal, void *info, void *context)
{
    count++;
    last = signal;
    last_code = ((int *)info)[2];
    last_value = ((long *)info)[3];
}

static void skip(int signal, void *info, void *context)
{
    unsigned long *m = (unsigned long *)((char *)context + 40);
    count++;
    last = signal;
    last_code = ((int *)info)[2];
    last_value = m[20]; /* trapno */
    m[16] += 2;         /* past div or ud2 */
}

static char *alternate;

static void on_stack(int signal, void *info, void *context)
{
    char here;
    last = &here > alternate && &here < alternate + 65536;
}

static void inner(int signal) { nested = count; }

static void outer(int signal)
{
    count = 1;
    sys(__NR_kill, sys(__NR_getpid), SIGUSR2);
    count = 2;
}

static void clobber(int signal, void *info, void *context)
{
    __asm__ volatile("mov $1, %%rbx\n mov $2, %%r12\n mov $3, %%r15\n std\n stc\n cld" ::: "rbx", "r12", "r15", "cc");
    count++;
}

long test(long argc, char **argv, char **envp)
{
    long pid = sys(__NR_getpid);
    check(handle(SIGUSR1, record, SA_SIGINFO) == 0);
    check(handle(SIGKILL, record, SA_SIGINFO) == -EINVAL);
    check(sys(__NR_kill, pid, SIGUSR1) == 0);
    check(count == 1 && last == SIGUSR1 && last_code == 0);

    /* blocked, pending, delivered when unblocked */
    unsigned long pending;
    set_mask(1ul << (SIGUSR1 - 1));
    sys(__NR_kill, pid, SIGUSR1);
    sys(__NR_kill, pid, SIGUSR1);
    check(count == 1);
    check(sys(__NR_rt_sigpending, &pending, 8) == 0 && pending == 1ul << (SIGUSR1 - 1));
    set_mask(0);
    check(count == 2);

    /* real-time signals queue with their values, CoreCLR's own signal too */
    for (int signal = SIGRTMIN; signal < SIGRTMIN + 2; signal++)
    {
        count = 0;
        check(handle(signal, record, SA_SIGINFO) == 0);
        set_mask(1ul << (signal - 1));
        for (long i = 1; i <= 3; i++)
        {
            long info[16] = { 0 };
            ((int *)info)[0] = signal;
            ((int *)info)[2] = -1;
            info[3] = i * 11;
            check(sys(__NR_rt_sigqueueinfo, pid, signal, info) == 0);
        }

        check(sys(__NR_rt_sigpending, &pending, 8) == 0 && pending == 1ul << (signal - 1));
        check(count == 0);
        set_mask(0);
        check(count == 3 && last_code == -1);
        check(sys(__NR_tgkill, pid, pid, signal) == 0);
        check(count == 4 && last_code == -6);
    }

    /* sigsuspend */
    set_mask(1ul << (SIGUSR1 - 1));
    sys(__NR_kill, pid, SIGUSR1);
    unsigned long none = 0;
    count = 0;
    check(sys(__NR_rt_sigsuspend, &none, 8) == -EINTR && count == 1);
    unsigned long mask;
    sys(__NR_rt_sigprocmask, 0, 0, &mask, 8);
    check(mask == 1ul << (SIGUSR1 - 1));

    /* sigtimedwait */
    sys(__NR_kill, pid, SIGUSR1);
    long info[16];
    unsigned long set = 1ul << (SIGUSR1 - 1);
    check(sys(__NR_rt_sigtimedwait, &set, info, 0, 8) == SIGUSR1 && ((int *)info)[0] == SIGUSR1);
    long short_time[2] = { 0, 1000000 };
    check(sys(__NR_rt_sigtimedwait, &set, info, short_time, 8) == -EAGAIN);
    set_mask(0);

    /* exceptions */
    count = 0;
    handle(SIGFPE, skip, SA_SIGINFO);
    __asm__ volatile("xor %%edx, %%edx\n mov $1, %%eax\n xor %%ecx, %%ecx\n div %%ecx" ::: "rax", "rcx", "rdx");
    check(count == 1 && last == SIGFPE && last_code == 1 && last_value == 0);
    handle(4, skip, SA_SIGINFO);
    __asm__ volatile("ud2");
    check(count == 2 && last == 4 && last_code == 2 && last_value == 6);
    handle(SIGTRAP, record, SA_SIGINFO);
    __asm__ volatile("int3");
    check(count == 3 && last == SIGTRAP && last_code == 0x80);

    /* alternate stack */
    alternate = map(65536);
    struct { void *base; int flags; size_t size; } stack = { alternate, 0, 65536 };
    check(sys(__NR_sigaltstack, &stack, 0) == 0);
    handle(SIGUSR1, on_stack, SA_SIGINFO | SA_ONSTACK);
    sys(__NR_kill, pid, SIGUSR1);
    check(last == 1);
    handle(SIGUSR1, on_stack, SA_SIGINFO);
    sys(__NR_kill, pid, SIGUSR1);
    check(last == 0);

    /* one handler interrupted by another; registers and flags survive handlers */
    handle(SIGUSR1, outer, 0);
    handle(SIGUSR2, inner, 0);
    sys(__NR_kill, pid, SIGUSR1);
    check(nested == 1 && count == 2);
    count = 0;
    handle(SIGUSR1, clobber, SA_SIGINFO);
    long ok;
    __asm__ volatile("mov $11, %%rbx\n mov $12, %%r12\n mov $13, %%r15\n mov %1, %%rdi\n mov $10, %%esi\n mov $62, %%eax\n syscall\n"
        "xor %0, %0\n cmp $11, %%rbx\n jne 1f\n cmp $12, %%r12\n jne 1f\n cmp $13, %%r15\n jne 1f\n mov $1, %0\n1:"
        : "=&r"(ok) : "r"(pid) : "rax", "rbx", "rcx", "rdi", "rsi", "r11", "r12", "r15", "memory");
    check(ok == 1 && count == 1);

    /* SA_RESETHAND */
    handle(SIGUSR1, record, SA_SIGINFO | SA_RESETHAND);
    sys(__NR_kill, pid, SIGUSR1);
    struct action now;
    sys(__NR_rt_sigaction, SIGUSR1, 0, &now, 8);
    check(now.handler == 0);

    /* a timer interrupts a sleep; SA_RESTART makes wait4 go on */
    handle(SIGALRM, record, SA_SIGINFO | SA_RESTART);
    count = 0;
    long timer[4] = { 0, 0, 0, 20000 };
    check(sys(__NR_setitimer, 0, timer, 0) == 0);
    long sleep[2] = { 5, 0 }, left[2] = { 0, 0 };
    check(sys(__NR_nanosleep, sleep, left) == -EINTR && count == 1 && left[0] == 4);
    long child = sys(__NR_fork);
    if (child == 0) { long nap[2] = { 0, 100000000 }; sys(__NR_nanosleep, nap, 0); sys(__NR_exit_group, 3); }
    check(sys(__NR_setitimer, 0, timer, 0) == 0);
    int status;
    check(sys(__NR_wait4, child, &status, 0, 0) == child && status == 3 << 8 && count == 2);

    /* without SA_RESTART it ends */
    handle(SIGALRM, record, SA_SIGINFO);
    child = sys(__NR_fork);
    if (child == 0) { long nap[2] = { 0, 100000000 }; sys(__NR_nanosleep, nap, 0); sys(__NR_exit_group, 3); }
    check(sys(__NR_setitimer, 0, timer, 0) == 0);
    check(sys(__NR_wait4, child, &status, 0, 0) == -EINTR);
    check(sys(__NR_wait4, child, &status, 0, 0) == child);

    /* SIGCHLD tells */
    handle(SIGCHLD, record, SA_SIGINFO);
    count = 0;
    child = sys(__NR_fork);
    if (child == 0) sys(__NR_exit_group, 0);
    while (sys(__NR_wait4, child, &status, 0, 0) == -EINTR) { }
    check(count == 1 && last == SIGCHLD);

    /* endless loops are interrupted */
    handle(SIGALRM, record, SA_SIGINFO);
    count = 0;
    check(sys(__NR_setitimer, 0, timer, 0) == 0);
    while (count == 0) { }
    return 0;
}
