#include "guest.h"

static long clone_with(long flags, char *stack, void (*body)(void *), void *argument)
{
    long *top = (long *)stack;
    *--top = (long)argument;
    *--top = (long)body;
    register long r10 __asm__("r10") = 0;
    long result;
    __asm__ volatile("syscall\n test %%eax, %%eax\n jnz 1f\n pop %%rax\n pop %%rdi\n call *%%rax\n ud2\n1:"
        : "=a"(result) : "a"(__NR_clone), "D"(flags), "S"(top), "d"(0), "r"(r10) : "rcx", "r11", "memory");
    return result;
}

static void report(void *argument)
{
    *(volatile int *)argument = 1234;
    sys(__NR_exit_group, 7);
}

static volatile int shared_value;

long test(long argc, char **argv, char **envp)
{
    int status;
    long pid = sys(__NR_getpid);
    check(sys(__NR_gettid) == pid);

    /* exit status */
    long child = sys(__NR_fork);
    if (child == 0)
    {
        check(sys(__NR_getppid) == pid);
        sys(__NR_exit_group, 42);
    }

    check(child > 0);
    check(sys(__NR_wait4, child, &status, 0, 0) == child && status == 42 << 8);
    check(sys(__NR_wait4, -1, &status, 0, 0) == -ECHILD);

    /* death by signal: by another, by itself, by a fault */
    child = sys(__NR_fork);
    if (child == 0) for (;;) sys(__NR_pause);
    check(sys(__NR_kill, child, SIGKILL) == 0);
    check(sys(__NR_wait4, child, &status, 0, 0) == child && (status & 0x7f) == SIGKILL);
    child = sys(__NR_fork);
    if (child == 0) { sys(__NR_kill, sys(__NR_getpid), SIGUSR1); for (;;) sys(__NR_pause); }
    check(sys(__NR_wait4, child, &status, 0, 0) == child && (status & 0x7f) == SIGUSR1);
    child = sys(__NR_fork);
    if (child == 0) { *(volatile int *)8 = 1; }
    check(sys(__NR_wait4, child, &status, 0, 0) == child && (status & 0x7f) == SIGSEGV);

    /* memory is copied, shared memory is shared */
    int *shared = (int *)sys(__NR_mmap, 0, 4096, 3, 0x21, -1, 0);
    child = sys(__NR_fork);
    if (child == 0) { shared_value = 1; *shared = 2; sys(__NR_exit_group, 0); }
    check(sys(__NR_wait4, child, &status, 0, 0) == child && status == 0);
    check(shared_value == 0 && *shared == 2);

    /* a fork in a fork, twenty deep */
    int depth = 0;
    for (;;)
    {
        child = sys(__NR_fork);
        check(child >= 0);
        if (child != 0)
        {
            check(sys(__NR_wait4, child, &status, 0, 0) == child);
            if (depth == 0) { check(status == 0); break; }
            sys(__NR_exit_group, (status >> 8) & 0xff);
        }

        if (++depth == 20) sys(__NR_exit_group, 0);
    }

    /* vfork: the parent waits and sees what the child wrote */
    volatile int answer = 0;
    char *stack = map(65536);
    child = clone_with(0x4111, stack + 65536, report, (void *)&answer);
    check(child > 0 && answer == 1234);
    check(sys(__NR_wait4, child, &status, 0, 0) == child && status == 7 << 8);

    /* CLONE_VM alone: what the child wrote is there when it is waited for */
    answer = 0;
    child = clone_with(0x111, stack + 65536, report, (void *)&answer);
    check(child > 0 && sys(__NR_wait4, child, &status, 0, 0) == child && status == 7 << 8 && answer == 1234);

    /* exec, in a vfork child too; a program that is not there */
    check(sys(__NR_execve, "/nonexistent", argv, envp) == -ENOENT);
    if (argc == 1)
    {
        char *arguments[] = { argv[0], "again", 0 };
        child = sys(__NR_fork);
        if (child == 0) { sys(__NR_execve, argv[0], arguments, envp); sys(__NR_exit_group, 1); }
        check(sys(__NR_wait4, child, &status, 0, 0) == child && status == 0);
    }

    /* processes that are not this session's */
    check(sys(__NR_kill, 1, 0) == -ESRCH);
    check(sys(__NR_tgkill, 1, 1, 0) == -ESRCH);
    check(sys(__NR_ptrace, 16, 1, 0, 0) == -EPERM);
    return 0;
}
