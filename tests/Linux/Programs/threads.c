#include "guest.h"

#define THREADS 64
#define ROUNDS 200

static volatile int lock_word, ready, done;
static volatile long counter;
static int tids[THREADS];

static void lock(void)
{
    int expected = 0;
    if (__atomic_compare_exchange_n(&lock_word, &expected, 1, 0, 5, 5)) return;
    while (__atomic_exchange_n(&lock_word, 2, 5) != 0) sys(__NR_futex, &lock_word, 128, 2, 0, 0, 0);
}

static void unlock(void)
{
    if (__atomic_exchange_n(&lock_word, 0, 5) == 2) sys(__NR_futex, &lock_word, 129, 1, 0, 0, 0);
}

static void work(void *argument)
{
    for (int i = 0; i < ROUNDS; i++) { lock(); counter++; unlock(); }
    if ((long)argument % 16 == 3)
    {
        /* a fork while the others run */
        long child = sys(__NR_fork);
        if (child == 0) { counter = -1; sys(__NR_exit_group, 5); }
        int status;
        check(child > 0 && sys(__NR_wait4, child, &status, 0, 0) == child && status == 5 << 8);
    }

    __atomic_add_fetch(&done, 1, 5);
    sys(__NR_exit, 0);
}

static void spin(void *argument)
{
    ready = 1;
    for (;;) { if (argument) sys(__NR_futex, &ready, 128, 1, 0, 0, 0); }
}

static long start_thread(void (*body)(void *), void *argument, int *tid)
{
    char *stack = map(65536);
    long *top = (long *)(stack + 65536);
    *--top = (long)argument;
    *--top = (long)body;
    register long r10 __asm__("r10") = (long)tid;
    register long r8 __asm__("r8") = 0;
    long result;
    __asm__ volatile("syscall\n test %%eax, %%eax\n jnz 1f\n pop %%rax\n pop %%rdi\n call *%%rax\n ud2\n1:"
        : "=a"(result) : "a"(__NR_clone), "D"(0x3d0f00 & ~0x80000), "S"(top), "d"(tid), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
    return result;
}

long test(long argc, char **argv, char **envp)
{
    if (argc > 1) return 9;
    for (long i = 0; i < THREADS; i++)
    {
        long tid = start_thread(work, (void *)i, &tids[i]);
        check(tid > 0);
    }

    for (int i = 0; i < THREADS; i++)
    {
        int tid;
        while ((tid = __atomic_load_n(&tids[i], 5)) != 0) sys(__NR_futex, &tids[i], 0, tid, 0, 0, 0);
    }

    check(done == THREADS && counter == THREADS * ROUNDS);

    /* a timeout */
    int word = 0;
    long soon[2] = { 0, 2000000 };
    check(sys(__NR_futex, &word, 128, 0, soon, 0, 0) == -ETIMEDOUT);
    check(sys(__NR_futex, &word, 128, 1, soon, 0, 0) == -EAGAIN);

    /* exec ends a spinning and a waiting thread */
    int unused;
    check(start_thread(spin, 0, &unused) > 0);
    check(start_thread(spin, (void *)1, &unused) > 0);
    while (!ready) { }
    char *arguments[] = { argv[0], "again", 0 };
    sys(__NR_execve, argv[0], arguments, envp);
    return 8;
}
