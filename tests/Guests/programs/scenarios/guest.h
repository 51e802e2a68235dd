/* What the scenario programs need of Linux, without a libc: the binaries stay small and depend on the compiler alone. */
#ifndef GUEST_H
#define GUEST_H

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long i64;

enum {
    SYS_read = 0, SYS_write = 1, SYS_close = 3, SYS_mmap = 9, SYS_mprotect = 10, SYS_munmap = 11, SYS_rt_sigaction = 13, SYS_rt_sigprocmask = 14,
    SYS_rt_sigreturn = 15, SYS_pread64 = 17, SYS_pwrite64 = 18, SYS_sched_yield = 24, SYS_setitimer = 38, SYS_getpid = 39, SYS_clone = 56, SYS_fork = 57, SYS_execve = 59,
    SYS_exit = 60, SYS_wait4 = 61, SYS_kill = 62, SYS_ftruncate = 77, SYS_gettid = 186, SYS_futex = 202, SYS_clock_gettime = 228, SYS_exit_group = 231, SYS_tgkill = 234,
    SYS_shmget = 29, SYS_shmat = 30, SYS_shmctl = 31, SYS_nanosleep = 35, SYS_semget = 64, SYS_semop = 65, SYS_semctl = 66, SYS_shmdt = 67, SYS_msgget = 68,
    SYS_msgsnd = 69, SYS_msgrcv = 70, SYS_msgctl = 71, SYS_semtimedop = 220, SYS_memfd_create = 319,
};

enum { SIGILL = 4, SIGTRAP = 5, SIGBUS = 7, SIGFPE = 8, SIGKILL = 9, SIGUSR1 = 10, SIGSEGV = 11, SIGUSR2 = 12, SIGALRM = 14 };
enum { PROT_NONE = 0, PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4 };
enum { SA_SIGINFO = 4, SA_RESTORER = 0x04000000, SA_NODEFER = 0x40000000 };

static inline i64 call(i64 number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
    register u64 r10 __asm__("r10") = d;
    register u64 r8 __asm__("r8") = e;
    register u64 r9 __asm__("r9") = f;
    i64 result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    return result;
}

#define CALL0(n) call(n, 0, 0, 0, 0, 0, 0)
#define CALL1(n, a) call(n, (u64)(a), 0, 0, 0, 0, 0)
#define CALL2(n, a, b) call(n, (u64)(a), (u64)(b), 0, 0, 0, 0)
#define CALL3(n, a, b, c) call(n, (u64)(a), (u64)(b), (u64)(c), 0, 0, 0)
#define CALL4(n, a, b, c, d) call(n, (u64)(a), (u64)(b), (u64)(c), (u64)(d), 0, 0)

void *memset(void *to, int value, u64 count)
{
    void *start = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(value) : "memory");
    return start;
}

void *memcpy(void *to, const void *from, u64 count)
{
    void *start = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    return start;
}

static void print(const char *text)
{
    u64 length = 0;
    while (text[length])
        length++;
    CALL3(SYS_write, 1, text, length);
}

static void print_number(u64 number)
{
    char digits[24], *at = digits + 23;
    *at = 0;
    do {
        *--at = '0' + number % 10;
    } while (number /= 10);
    print(at);
}

/* One line per claim: its name and whether it held. */
static int failures;

static void claim(const char *name, int holds)
{
    print(holds ? "ok     " : "FAILED ");
    print(name);
    print("\n");
    failures += !holds;
}

static void *map_pages(u64 count, int protection)
{
    return (void *)call(SYS_mmap, 0, count * 4096, protection, 0x22, -1, 0);
}

struct sigaction_kernel {
    void *handler;
    u64 flags;
    void *restorer;
    u64 mask;
};

/* Offsets into ucontext_t of the x86-64 kernel ABI: gregs r8..r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags. */
struct context {
    u64 flags, link, stack[3];
    u64 r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags, segments, error, trap, mask, address;
};

struct siginfo {
    int signal, error, code, padding;
    u64 address;
};

__attribute__((naked, used)) static void restore_context(void)
{
    __asm__("mov $15, %eax\n\tsyscall");
}

static void handle(int signal, void (*handler)(int, struct siginfo *, struct context *), u64 flags)
{
    struct sigaction_kernel action = {handler, flags | SA_SIGINFO | SA_RESTORER, restore_context, 0};
    CALL4(SYS_rt_sigaction, signal, &action, 0, 8);
}

/* Starts a thread at entry(argument) on a fresh stack; *ended becomes 0, with a futex wake, when it is gone. */
static i64 start_thread(void (*entry)(void *), void *argument, u32 *ended)
{
    u64 *top = (u64 *)((u8 *)map_pages(16, PROT_READ | PROT_WRITE) + 16 * 4096);
    *--top = (u64)argument;
    *--top = (u64)entry;
    *ended = 1;
    /* VM FS FILES SIGHAND THREAD SYSVSEM CHILD_CLEARTID */
    register u64 r10 __asm__("r10") = (u64)ended;
    register u64 r8 __asm__("r8") = 0;
    i64 result;
    __asm__ volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "pop %%rax\n\t"
        "pop %%rdi\n\t"
        "call *%%rax\n\t"
        "mov $60, %%eax\n\t"
        "xor %%edi, %%edi\n\t"
        "syscall\n"
        "1:"
        : "=a"(result)
        : "a"(SYS_clone), "D"(0x250f00), "S"(top), "d"(0), "r"(r10), "r"(r8)
        : "rcx", "r11", "memory");
    return result;
}

static void join_thread(u32 *ended)
{
    while (__atomic_load_n(ended, __ATOMIC_ACQUIRE))
        CALL4(SYS_futex, ended, 0, 1, 0);
}

static u64 milliseconds(void)
{
    u64 time[2];
    CALL2(SYS_clock_gettime, 1, time);
    return time[0] * 1000 + time[1] / 1000000;
}

static void every_microseconds(u64 interval)
{
    u64 timer[4] = {0, interval, 0, interval};
    CALL3(SYS_setitimer, 0, timer, 0);
}

int program(int count, char **arguments, char **environment);

__attribute__((used)) static void start(u64 *stack)
{
    int count = (int)stack[0];
    char **arguments = (char **)(stack + 1);
    CALL1(SYS_exit_group, program(count, arguments, arguments + count + 1));
    __builtin_unreachable();
}

__attribute__((naked)) void _start(void)
{
    __asm__("xor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall start");
}

#endif
