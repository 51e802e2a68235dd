/* Signals a thread sends itself: delivery to a handler, and the way back. */
#include "kernel.h"

static volatile u64 delivered;

static void on_signal(int signal, struct siginfo *info, struct context *context)
{
    (void)info;
    (void)context;
    delivered = fold(delivered, (u64)signal);
}

static u64 kernel(void)
{
    delivered = 0;
    handle(SIGUSR1, on_signal, 0);
    i64 process = CALL0(SYS_getpid), thread = CALL0(SYS_gettid);
    for (int i = 0; i < 10000; i++)
        CALL3(SYS_tgkill, process, thread, SIGUSR1);
    return delivered;
}
