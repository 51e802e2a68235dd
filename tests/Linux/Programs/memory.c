#include "guest.h"

static volatile int faults;
static char *guard;

static void repair(int signal, void *info, void *context)
{
    faults++;
    check(*(void **)((char *)info + 16) == guard);
    check(((int *)info)[2] == 2); /* SEGV_ACCERR */
    check(sys(__NR_mprotect, guard, 4096, 3) == 0);
}

long test(long argc, char **argv, char **envp)
{
    char *p = map(3 * 4096);
    check((long)p > 0);
    p[0] = 1;
    p[8192] = 3;
    check(sys(__NR_munmap, p + 4096, 4096) == 0);
    check(sys(__NR_mincore, p, 3 * 4096, p) == -ENOMEM);
    check(sys(__NR_mmap, p + 4096, 4096, 3, 0x22 | 0x100000, -1, 0) == (long)(p + 4096));
    check(sys(__NR_mmap, p, 4096, 3, 0x22 | 0x100000, -1, 0) == -EEXIST);
    check(p[4096] == 0 && p[0] == 1 && p[8192] == 3);
    check(sys(__NR_mmap, 0, 0, 3, 0x22, -1, 0) == -EINVAL);
    check(sys(__NR_mmap, 0, 4096, 3, 0x22 | 0x40000, -1, 0) == -ENOMEM);
    check(sys(__NR_mmap, 0x7ffffffffffff000, 4096, 3, 0x32, -1, 0) == -ENOMEM);
    check(sys(__NR_mmap, 0, 4096, 3, 2, 99, 0) == -9);
    char *low = (char *)sys(__NR_mmap, 0, 4096, 3, 0x62, -1, 0);
    check((unsigned long)low < 0x80000000);

    /* mremap: grow in place, move with growth, shrink, over another mapping */
    char *a = map(4096);
    a[17] = 42;
    char *b = (char *)sys(__NR_mremap, a, 4096, 64 * 4096, 1, 0);
    check((long)b > 0 && b[17] == 42 && b[63 * 4096] == 0);
    b[63 * 4096] = 7;
    check(sys(__NR_mremap, b, 64 * 4096, 2 * 4096, 0, 0) == (long)b);
    check(sys(__NR_mincore, b, 3 * 4096, p) == -ENOMEM);
    char *c = map(8 * 4096);
    check(sys(__NR_mremap, b, 2 * 4096, 4 * 4096, 3, c) == (long)c);
    check(c[17] == 42 && c[4 * 4096 - 1] == 0);
    check(sys(__NR_mremap, 0x10000, 4096, 8192, 1, 0) == -EFAULT);

    /* shared memory moves and keeps its contents */
    char *s = (char *)sys(__NR_mmap, 0, 2 * 4096, 3, 0x21, -1, 0);
    s[5] = 9;
    char *t = (char *)sys(__NR_mremap, s, 0, 2 * 4096, 1, 0);
    check((long)t > 0 && t != s && t[5] == 9);
    t[6] = 8;
    check(s[6] == 8);

    /* the break */
    long end = sys(__NR_brk, 0);
    check(sys(__NR_brk, end + 100000) == end + 100000);
    memset((char *)end, 5, 100000);
    check(sys(__NR_brk, end) == end);
    check(sys(__NR_brk, end + 4096) == end + 4096 && *(char *)end == 0);

    /* madvise, msync, mlock on holes */
    check(sys(__NR_madvise, p, 4096, 4) == 0 && p[0] == 0);
    check(sys(__NR_madvise, 0x10000, 4096, 4) == -ENOMEM);
    check(sys(__NR_mlock, p, 4096) == 0 && sys(__NR_munlock, p, 4096) == 0);
    check(sys(__NR_msync, 0x10000, 4096, 4) == -ENOMEM);

    /* a handler that repairs the fault */
    guard = map(4096);
    guard[0] = 1;
    check(sys(__NR_mprotect, guard, 4096, 1) == 0);
    check(handle(SIGSEGV, repair, SA_SIGINFO) == 0);
    guard[0] = 2;
    check(faults == 1 && guard[0] == 2);

    /* many mappings, in a pattern that leaves holes */
    char *many[300];
    for (int i = 0; i < 300; i++) check((long)(many[i] = map((i % 7 + 1) * 4096)) > 0);
    for (int i = 0; i < 300; i += 2) check(sys(__NR_munmap, many[i], (i % 7 + 1) * 4096) == 0);
    for (int i = 1; i < 300; i += 2) many[i][0] = i;
    for (int i = 0; i < 300; i += 2) { check((long)(many[i] = map((i % 5 + 1) * 4096)) > 0); many[i][0] = 1; }
    for (int i = 1; i < 300; i += 2) check(many[i][0] == (char)i);
    return 0;
}
