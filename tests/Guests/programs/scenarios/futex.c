/* 64 threads on one contended futex lock: no increment is lost, none sleeps for ever. */
#include "guest.h"

enum { THREADS = 64, ROUNDS = 1000 };

static u32 lock_word;
static volatile u64 counter;

/* Drepper's second mutex: 0 free, 1 held, 2 held with waiters. */
static void acquire(void)
{
    u32 state = 0;
    if (__atomic_compare_exchange_n(&lock_word, &state, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;
    if (state != 2)
        state = __atomic_exchange_n(&lock_word, 2, __ATOMIC_ACQUIRE);
    while (state != 0) {
        CALL4(SYS_futex, &lock_word, 128, 2, 0);
        state = __atomic_exchange_n(&lock_word, 2, __ATOMIC_ACQUIRE);
    }
}

static void release(void)
{
    if (__atomic_fetch_sub(&lock_word, 1, __ATOMIC_RELEASE) != 1) {
        __atomic_store_n(&lock_word, 0, __ATOMIC_RELEASE);
        CALL3(SYS_futex, &lock_word, 129, 1);
    }
}

static void contend(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        acquire();
        u64 value = counter;
        if (i % 64 == 0)
            CALL0(SYS_sched_yield);
        counter = value + 1;
        release();
    }
}

int program(int count, char **arguments, char **environment)
{
    (void)count, (void)arguments, (void)environment;
    static u32 ended[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (start_thread(contend, 0, &ended[i]) < 0)
            claim("a thread starts", 0);
    for (int i = 0; i < THREADS; i++)
        join_thread(&ended[i]);
    print_number(counter);
    print("\n");
    claim("64 threads counted without a loss", counter == (u64)THREADS * ROUNDS);
    return failures;
}
