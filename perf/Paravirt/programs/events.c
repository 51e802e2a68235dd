// What hypervisors are asked for most: the time, timers, interrupts between processors, and other page tables. Prints "begin NAME" and "end NAME NANOSECONDS COUNT", as
// work.c does. With one processor there is nobody to interrupt.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { READS = 2000000, SLEEPS = 3000, SLEEP_NS = 100000, TURNS = 20000, SIDES = 8, MESSAGES = 150, MESSAGE = 100, MAPPINGS = 1000, PAGES = 16, PAGE = 4096 };

static atomic_int s_stop;

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static void check(int holds, const char *what)
{
    if (!holds) {
        perror(what);
        exit(1);
    }
}

static void go_to(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    check(sched_setaffinity(0, sizeof set, &set) == 0, "sched_setaffinity");
}

static uint64_t clock_reads(void)
{
    for (int i = 0; i < READS; i++)
        now();
    return READS;
}

static uint64_t timer(void)
{
    struct timespec pause = { 0, SLEEP_NS };
    prctl(PR_SET_TIMERSLACK, 1ul);
    for (int i = 0; i < SLEEPS; i++)
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    return SLEEPS;
}

// Each turn wakes a process on another processor, which is halted or about to be.
static uint64_t ipi_ping_pong(void)
{
    int to[2], from[2];
    char byte = 0;
    check(pipe(to) == 0 && pipe(from) == 0, "pipe");
    pid_t child = fork();
    go_to(child == 0);
    for (int i = 0; i < TURNS; i++) {
        if (child == 0)
            check(read(to[0], &byte, 1) == 1 && write(from[1], &byte, 1) == 1, "answer");
        else
            check(write(to[1], &byte, 1) == 1 && read(from[0], &byte, 1) == 1, "turn");
    }
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
    return TURNS;
}

// As many senders as receivers, each sender to each receiver.
static uint64_t hackbench(void)
{
    int sockets[SIDES][2];
    char message[MESSAGE] = { 0 };
    for (int i = 0; i < SIDES; i++)
        check(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets[i]) == 0, "socketpair");
    for (int i = 0; i < SIDES; i++) {
        if (fork() == 0) {
            for (int left = SIDES * MESSAGES * MESSAGE, count; left > 0; left -= count)
                check((count = (int)read(sockets[i][0], message, MESSAGE)) > 0, "receive");
            _exit(0);
        }
        if (fork() == 0) {
            for (int j = 0; j < SIDES * MESSAGES; j++)
                for (int left = MESSAGE, count; left > 0; left -= count)
                    check((count = (int)write(sockets[j % SIDES][1], message, (size_t)left)) > 0, "send");
            _exit(0);
        }
    }
    for (int i = 0; i < 2 * SIDES; i++)
        check(wait(NULL) > 0, "wait");
    return SIDES * SIDES * MESSAGES;
}

static void *keep_running(void *nothing)
{
    go_to(1);
    while (!s_stop)
        ;
    return nothing;
}

// Another thread of the same process runs all the time, on another processor: what is unmapped has to be forgotten there too.
static uint64_t map_and_unmap(void)
{
    int others = sysconf(_SC_NPROCESSORS_ONLN) > 1;
    pthread_t thread;
    go_to(0);
    check(!others || pthread_create(&thread, NULL, keep_running, NULL) == 0, "pthread_create");
    for (int i = 0; i < MAPPINGS; i++) {
        char *memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        check(memory != MAP_FAILED && mprotect(memory, PAGES * PAGE, PROT_READ) == 0 && munmap(memory, PAGES * PAGE) == 0, "mmap");
    }
    s_stop = 1;
    if (others)
        pthread_join(thread, NULL);
    return MAPPINGS;
}

static void measure(const char *name, uint64_t (*part)(void))
{
    printf("begin %s\n", name);
    fflush(stdout);
    int64_t begin = now();
    uint64_t count = part();
    int64_t elapsed = now() - begin;
    printf("end %s %lld %llu\n", name, (long long)elapsed, (unsigned long long)count);
    fflush(stdout);
}

int main(void)
{
    measure("clock_gettime", clock_reads);
    measure("timer", timer);
    if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
        measure("ipi-ping-pong", ipi_ping_pong);
    measure("hackbench", hackbench);
    measure("mmap", map_and_unmap);
    return 0;
}
