/* THREADS threads, each with the work of one: on as many processors all of it should take the time of one. They meet in an atomic counter, now
   and then, and fill memory of their own. */
#include "kernel.h"

enum { WORK = 180, SIZE = 1 << 16 };

struct worker {
    u8 data[SIZE];
    u64 sum;
    u32 ended;
};
static struct worker workers[THREADS];
static u64 parts_done;

static void work(void *argument)
{
    struct worker *worker = argument;
    u32 state = 61;
    u64 sum = 0;
    for (int round = 0; round < WORK; round++) {
        for (u32 i = 0; i < SIZE; i++)
            worker->data[i] = (u8)(next(&state) + worker->data[(i * 31) & (SIZE - 1)] * (round != 0));
        sum = fold(sum, fold_bytes(worker->data, SIZE));
        __atomic_fetch_add(&parts_done, 1, __ATOMIC_SEQ_CST);
    }
    worker->sum = sum;
}

static u64 kernel(void)
{
    parts_done = 0;
    for (int i = 1; i < THREADS; i++)
        start_thread(work, &workers[i], &workers[i].ended);
    work(&workers[0]);
    u64 sum = workers[0].sum;
    for (int i = 1; i < THREADS; i++) {
        join_thread(&workers[i].ended);
        sum = workers[i].sum == sum ? sum : 0;
    }
    return parts_done == THREADS * WORK ? sum : 0;
}
