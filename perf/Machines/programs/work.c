// What a machine guest does to be measured. Each part times itself with the guest's monotonic clock, so that booting is no part of it, and
// prints "begin NAME" and "end NAME NANOSECONDS CHECK"; the host reads its own clocks at these lines.
//
// usage: work [disk DEVICE] [net ADDRESS PORT] [only NAME]
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096 };

static const char *s_self;
static const char *s_disk;
static const char *s_address;
static const char *s_port;
static const char *s_only;

static void die(const char *what)
{
    printf("failed %s: %s\n", what, strerror(errno));
    fflush(stdout);
    exit(1);
}

static uint32_t next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static uint64_t sieve(void)
{
    enum { LIMIT = 2000000 };
    static uint8_t composite[LIMIT];
    uint64_t count = 0;
    for (int round = 0; round < 12; round++) {
        memset(composite, 0, sizeof composite);
        for (uint32_t i = 2; i < LIMIT; i++) {
            if (composite[i])
                continue;
            count++;
            for (uint32_t j = 2 * i; j < LIMIT; j += i)
                composite[j] = 1;
        }
    }
    return count;
}

static void sort(int32_t *values, int from, int to)
{
    while (from < to) {
        int32_t pivot = values[(from + to) / 2];
        int i = from, j = to;
        while (i <= j) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i <= j) {
                int32_t swapped = values[i];
                values[i++] = values[j];
                values[j--] = swapped;
            }
        }
        if (j - from < to - i) {
            sort(values, from, j);
            from = i;
        } else {
            sort(values, i, to);
            to = j;
        }
    }
}

static uint64_t quicksort(void)
{
    enum { COUNT = 1000000 };
    static int32_t values[COUNT];
    uint32_t state = 1;
    uint64_t sum = 0;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < COUNT; i++)
            values[i] = (int32_t)next(&state);
        sort(values, 0, COUNT - 1);
        sum += (uint32_t)values[COUNT / 2];
    }
    return sum;
}

static uint64_t crc(void)
{
    static uint32_t table[256];
    static uint8_t data[1 << 16];
    uint32_t state = 7;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = (c >> 1) ^ (c & 1 ? 0xedb88320u : 0);
        table[i] = c;
    }
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)next(&state);
    uint32_t c = ~0u;
    for (int round = 0; round < 1200; round++)
        for (size_t i = 0; i < sizeof data; i++)
            c = table[(c ^ data[i]) & 0xff] ^ (c >> 8);
    return c;
}

static __attribute__((noinline)) uint64_t fib(unsigned n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static uint64_t recursion(void)
{
    return fib(35);
}

static uint64_t matrix(void)
{
    enum { N = 200 };
    static int32_t a[N][N], b[N][N], c[N][N];
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            a[i][j] = i * j + 1;
            b[i][j] = i - j;
        }
    for (int round = 0; round < 12; round++)
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                int32_t sum = 0;
                for (int k = 0; k < N; k++)
                    sum += a[i][k] * b[k][j];
                c[i][j] = sum + round;
            }
    return (uint32_t)c[N / 2][N / 3];
}

struct node {
    struct node *next;
    uint64_t key;
};

static uint64_t table(void)
{
    enum { BUCKETS = 1 << 14, NODES = 60000 };
    static struct node *buckets[BUCKETS];
    static struct node nodes[NODES];
    uint64_t found = 0;
    for (int round = 0; round < 8; round++) {
        uint32_t state = 3;
        memset(buckets, 0, sizeof buckets);
        for (int i = 0; i < NODES; i++) {
            struct node **bucket = &buckets[(nodes[i].key = next(&state)) * 0x9e3779b1u >> 18 & (BUCKETS - 1)];
            nodes[i].next = *bucket;
            *bucket = &nodes[i];
        }
        state = 3;
        for (int i = 0; i < 4 * NODES; i++) {
            uint64_t key = i & 1 ? next(&state) : (uint64_t)i;
            for (struct node *n = buckets[key * 0x9e3779b1u >> 18 & (BUCKETS - 1)]; n; n = n->next)
                found += n->key == key;
        }
    }
    return found;
}

static uint64_t compress(void)
{
    enum { SIZE = 1 << 20, HASHES = 1 << 14 };
    static uint8_t text[SIZE];
    static uint32_t last[HASHES];
    uint32_t state = 5;
    uint64_t out = 0;
    for (int i = 0; i < SIZE; i++)
        text[i] = "etaoin shrdlucmf"[next(&state) >> 7 & next(&state) >> 11 & 15];
    for (int round = 0; round < 6; round++) {
        memset(last, 0, sizeof last);
        for (uint32_t i = 0; i + 8 < SIZE;) {
            uint32_t word;
            memcpy(&word, text + i, 4);
            uint32_t *slot = &last[word * 2654435761u >> 18];
            uint32_t from = *slot, length = 0;
            *slot = i;
            if (from && i - from < 65535)
                while (i + length < SIZE && length < 255 && text[from + length] == text[i + length])
                    length++;
            out += length > 3 ? 3 : 1;
            i += length > 3 ? length : 1;
        }
    }
    return out;
}

static uint64_t interpreter(void)
{
    // A byte code with computed gotos: what perl, python and lua are made of.
    static const uint8_t code[] = {0, 1, 2, 3, 1, 0, 2, 2, 3, 4};
    static void *const labels[] = {&&add, &&xor, &&rotate, &&multiply, &&loop};
    uint64_t a = 1, b = 0x123456789, count = 9000000;
    const uint8_t *at = code;
#define NEXT goto *labels[*at++]
    NEXT;
add: a += b; NEXT;
xor: b ^= a; NEXT;
rotate: a = a << 7 | a >> 57; NEXT;
multiply: b *= 0x9e3779b97f4a7c15; NEXT;
loop:
    if (--count) {
        at = code;
        NEXT;
    }
    return a ^ b;
}

static uint64_t system_calls(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < 500000; i++)
        sum += (uint64_t)syscall(SYS_getppid);
    return sum != 0;
}

static uint64_t page_faults(void)
{
    enum { LENGTH = 16 << 20 };
    uint64_t pages = 0;
    for (int round = 0; round < 12; round++) {
        volatile uint8_t *memory = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            die("mmap");
        madvise((void *)memory, LENGTH, MADV_NOHUGEPAGE);
        for (size_t i = 0; i < LENGTH; i += PAGE, pages++)
            memory[i] = 1;
        munmap((void *)memory, LENGTH);
    }
    return pages;
}

static uint64_t fork_exec(void)
{
    uint64_t ended = 0;
    for (int i = 0; i < 250; i++) {
        pid_t child = fork();
        if (child == 0) {
            execl(s_self, s_self, "nothing", NULL);
            _exit(127);
        }
        int status;
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
            die("fork and exec");
        ended++;
    }
    return ended;
}

static uint64_t context_switches(void)
{
    enum { TURNS = 30000 };
    int to[2], from[2];
    char byte = 0;
    if (pipe(to) != 0 || pipe(from) != 0)
        die("pipe");
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < TURNS; i++)
            if (read(to[0], &byte, 1) != 1 || write(from[1], &byte, 1) != 1)
                _exit(1);
        _exit(0);
    }
    for (int i = 0; i < TURNS; i++)
        if (write(to[1], &byte, 1) != 1 || read(from[0], &byte, 1) != 1)
            die("ping-pong");
    waitpid(child, NULL, 0);
    return TURNS;
}

static uint64_t read_disk(size_t bytes, int count, int is_random)
{
    int disk = open(s_disk, O_RDONLY | O_DIRECT);
    void *buffer;
    if (disk < 0 || posix_memalign(&buffer, PAGE, bytes) != 0)
        die("disk");
    off_t blocks = lseek(disk, 0, SEEK_END) / (off_t)bytes;
    uint32_t state = 9;
    uint64_t sum = 0;
    for (int i = 0; i < count; i++) {
        off_t block = is_random ? (off_t)(next(&state) % (uint64_t)blocks) : i % blocks;
        if (pread(disk, buffer, bytes, block * (off_t)bytes) != (ssize_t)bytes)
            die("read of the disk");
        sum += *(uint32_t *)buffer;
    }
    close(disk);
    free(buffer);
    return sum;
}

static uint64_t disk_sequential(void)
{
    return read_disk(256 << 10, 2048, 0);
}

static uint64_t disk_random(void)
{
    return read_disk(PAGE, 12000, 1);
}

static uint64_t network(void)
{
    static char buffer[1 << 16];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(s_port))};
    inet_pton(AF_INET, s_address, &at.sin_addr);
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connection < 0 || connect(connection, (struct sockaddr *)&at, sizeof at) != 0)
        die("connect");
    uint64_t total = 0;
    ssize_t count;
    while ((count = read(connection, buffer, sizeof buffer)) > 0)
        total += (uint64_t)count;
    close(connection);
    return total;
}

static void measure(const char *name, uint64_t (*part)(void))
{
    struct timespec begin, end;
    if (s_only && strcmp(s_only, name) != 0)
        return;
    printf("begin %s\n", name);
    fflush(stdout);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    uint64_t check = part();
    clock_gettime(CLOCK_MONOTONIC, &end);
    int64_t elapsed = (end.tv_sec - begin.tv_sec) * 1000000000ll + end.tv_nsec - begin.tv_nsec;
    printf("end %s %lld %llu\n", name, (long long)elapsed, (unsigned long long)check);
    fflush(stdout);
}

int main(int count, char **words)
{
    s_self = words[0];
    for (int i = 1; i < count; i++) {
        if (strcmp(words[i], "nothing") == 0)
            return 0;
        if (strcmp(words[i], "disk") == 0 && i + 1 < count)
            s_disk = words[++i];
        else if (strcmp(words[i], "net") == 0 && i + 2 < count)
            s_address = words[++i], s_port = words[++i];
        else if (strcmp(words[i], "only") == 0 && i + 1 < count)
            s_only = words[++i];
    }
    measure("sieve", sieve);
    measure("quicksort", quicksort);
    measure("crc", crc);
    measure("recursion", recursion);
    measure("matrix", matrix);
    measure("table", table);
    measure("compress", compress);
    measure("interpreter", interpreter);
    measure("system-calls", system_calls);
    measure("page-faults", page_faults);
    measure("fork-exec", fork_exec);
    measure("context-switches", context_switches);
    if (s_disk) {
        measure("disk-sequential", disk_sequential);
        measure("disk-random-4K", disk_random);
    }
    if (s_address)
        measure("network", network);
    return 0;
}
