// Compares the guest's clock with the host's, which a device of the test gives out of a port: clocks SOURCE SECONDS. Prints lines for GuestClockTests to judge:
//   sample SOURCE PHASE CPU HOST LOW HIGH   the guest's clock less the host's was between LOW and HIGH ns when the host's was HOST
//   steps SOURCE READINGS BACK              readings of all CPUs in turn, and how many were less than one before
// Phases: 0 at the start, 1 behind a pause of the machine, 2 at the end.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <time.h>
#include <unistd.h>

enum { PORT = 0x5f0, PAUSES = PORT + 8, NARROW = 100000, TRIES = 20, MOST_TRIES = 1000000, STEP_READINGS = 1000, MAX_CPUS = 64 };

static const char *source;
static atomic_llong latest;
static atomic_llong readings;
static atomic_llong steps_back;
static atomic_int ends;

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static int64_t host(void)
{
    uint32_t low = inl(PORT);
    return (int64_t)((uint64_t)inl(PORT + 4) << 32 | low);
}

static void go_to(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) {
        perror("sched_setaffinity");
        exit(1);
    }
}

// The best of some tries; on a busy host, of as many as it takes for one to be narrow.
static void sample(int phase, int cpu)
{
    int64_t best_low = 0, best_high = INT64_MAX, best_host = 0;
    go_to(cpu);
    for (int try = 0; try < MOST_TRIES && (try < TRIES || best_high - best_low > NARROW); try++) {
        int64_t before = now();
        int64_t there = host();
        int64_t after = now();
        if (after - before < best_high - best_low) {
            best_low = before - there;
            best_high = after - there;
            best_host = there;
        }
    }
    printf("sample %s %d %d %lld %lld %lld\n", source, phase, cpu, (long long)best_host, (long long)best_low, (long long)best_high);
}

// What any CPU has read before, no CPU reads less of later.
static void *step(void *cpu)
{
    go_to((int)(intptr_t)cpu);
    while (!ends) {
        for (int i = 0; i < STEP_READINGS; i++) {
            int64_t before = latest;
            int64_t time = now();
            if (time < before)
                steps_back++;
            while (time > before && !atomic_compare_exchange_weak(&latest, (long long *)&before, time))
                ;
        }
        readings += STEP_READINGS;
        usleep(1000);
    }
    return NULL;
}

static void pass(double seconds)
{
    struct timespec time = { (time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9) };
    nanosleep(&time, NULL);
}

static void choose(void)
{
    char chosen[64] = "";
    int file = open("/sys/devices/system/clocksource/clocksource0/current_clocksource", O_RDWR);
    if (file < 0 || write(file, source, strlen(source)) < 0 || pread(file, chosen, sizeof chosen - 1, 0) < 0 || strncmp(chosen, source, strlen(source)) != 0) {
        printf("no clocksource %s, but %s\n", source, chosen);
        exit(1);
    }
    close(file);
}

int main(int count, char **arguments)
{
    pthread_t threads[MAX_CPUS];
    int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
    if (count != 3 || cpus > MAX_CPUS || iopl(3) != 0)
        return 1;
    source = arguments[1];
    double half = atof(arguments[2]) / 2;
    choose();
    for (int cpu = 0; cpu < cpus; cpu++)
        sample(0, cpu);
    for (int cpu = 0; cpu < cpus; cpu++)
        pthread_create(&threads[cpu], NULL, step, (void *)(intptr_t)cpu);
    pass(half);
    uint32_t pauses = inl(PAUSES);
    outl(0, PAUSES);
    while (inl(PAUSES) == pauses)
        usleep(1000);
    for (int cpu = 0; cpu < cpus; cpu++)
        sample(1, cpu);
    pass(half);
    ends = 1;
    for (int cpu = 0; cpu < cpus; cpu++)
        pthread_join(threads[cpu], NULL);
    for (int cpu = 0; cpu < cpus; cpu++)
        sample(2, cpu);
    printf("steps %s %lld %lld\n", source, (long long)readings, (long long)steps_back);
    return 0;
}
