/* Code that changes code: in the same block, from other threads, across a page, through another mapping, and a loop rewritten a million times. */
#include "guest.h"

typedef u32 (*function)(void);

/* mov eax, imm32; ret */
static void write_constant(u8 *at, u32 value)
{
    at[0] = 0xb8;
    memcpy(at + 1, &value, 4);
    at[5] = 0xc3;
}

static void same_block(u8 *code)
{
    /* mov byte [rip+1], 42 changes the immediate of the next instruction: lea layout keeps it in one block. */
    static const u8 text[] = {
        0xc6, 0x05, 0x01, 0x00, 0x00, 0x00, 42, /* mov byte [rip + 1], 42 */
        0xb8, 7, 0, 0, 0,                       /* mov eax, 7 -> 42 */
        0xc3,
    };
    memcpy(code, text, sizeof text);
    claim("a store changes the next instruction of its block", ((function)code)() == 42);
    code[6] = 43;
    claim("the same block, changed from outside, runs again changed", ((function)code)() == 43);
}

static void rewritten_loop(u8 *code)
{
    u64 sum = 0;
    for (u32 i = 0; i < 1000000; i++) {
        write_constant(code, i);
        sum += ((function)code)();
    }
    claim("a function rewritten a million times returns each value", sum == 999999ul * 1000000 / 2);
}

static void across_page(u8 *pages)
{
    u8 *code = pages + 4096 - 3;
    write_constant(code, 0x11223344);
    claim("an instruction across two pages runs", ((function)code)() == 0x11223344);
    pages[4096] = 0x55;
    claim("a change in its second page is seen", ((function)code)() == 0x11553344);
    pages[4096 - 2] = 0x66;
    claim("a change in its first page is seen", ((function)code)() == 0x11553366);
}

static void through_remapping(u8 *pages)
{
    write_constant(pages, 1);
    u32 first = ((function)pages)();
    call(SYS_mmap, (u64)pages, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, 0x32, -1, 0);
    write_constant(pages, 2);
    claim("new pages mapped over code replace it", first == 1 && ((function)pages)() == 2);
    CALL3(SYS_mprotect, pages, 4096, PROT_READ | PROT_WRITE);
    write_constant(pages, 3);
    CALL3(SYS_mprotect, pages, 4096, PROT_READ | PROT_EXEC);
    claim("code written while not executable replaces it", ((function)pages)() == 3);
}

static u8 *shared_code;
static volatile u32 published, answered;

static void run_published(void *unused)
{
    (void)unused;
    for (u32 i = 1; i <= 2000; i++) {
        while (published != i)
            __asm__ volatile("pause");
        answered = ((function)shared_code)() == i ? i : ~0u;
        if (answered == ~0u)
            return;
    }
}

static void other_thread(u8 *code)
{
    u32 ended;
    shared_code = code;
    start_thread(run_published, 0, &ended);
    int good = 1;
    for (u32 i = 1; i <= 2000 && good; i++) {
        write_constant(code, i);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        published = i;
        u64 deadline = milliseconds() + 20000;
        while (answered != i && answered != ~0u && milliseconds() < deadline)
            CALL0(SYS_sched_yield);
        good = answered == i;
    }
    claim("code another thread wrote is run as written", good);
    if (good)
        join_thread(&ended);
}

static volatile u32 stop, seen_last;

static void run_all_the_time(void *unused)
{
    (void)unused;
    while (!stop)
        seen_last = ((function)shared_code)();
}

/* Each way of writing goes another way through a translator. */
enum way { PLAIN, LOCKED, REPEATED, VECTOR, SYSTEM_CALL };

static void change(u8 *code, u32 from, u32 to, enum way way, i64 file)
{
    u8 *constant = code + 1;
    switch (way) {
    case PLAIN:
        *(volatile u32 *)constant = to;
        break;
    case LOCKED:
        __atomic_compare_exchange_n((u32 *)constant, &from, to, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        break;
    case REPEATED: {
        const u32 *source = &to;
        u64 bytes = sizeof to;
        __asm__ volatile("rep movsb" : "+D"(constant), "+S"(source), "+c"(bytes) : : "memory");
        break;
    }
    case VECTOR: {
        u8 image[16];
        memcpy(image, code, sizeof image);
        memcpy(image + 1, &to, sizeof to);
        __asm__ volatile("movdqu (%0), %%xmm0; movdqu %%xmm0, (%1)" : : "r"(image), "r"(code) : "xmm0", "memory");
        break;
    }
    case SYSTEM_CALL:
        CALL4(SYS_pwrite64, file, &to, sizeof to, 0);
        CALL4(SYS_pread64, file, constant, sizeof to, 0);
        break;
    }
}

/* Nobody tells the other thread: it runs the code all the time, and must come to run each change. */
static void while_it_runs(u8 *code, enum way way, const char *what)
{
    u32 ended;
    i64 file = CALL2(SYS_memfd_create, "constant", 0);
    stop = 0;
    shared_code = code;
    write_constant(code, 0);
    start_thread(run_all_the_time, 0, &ended);
    int good = 1;
    for (u32 i = 1; i <= 400 && good; i++) {
        change(code, i - 1, i, way, file);
        u64 deadline = milliseconds() + 20000;
        while (seen_last != i && milliseconds() < deadline)
            CALL0(SYS_sched_yield);
        good = seen_last == i;
    }
    stop = 1;
    claim(what, good);
    join_thread(&ended);
    CALL1(SYS_close, file);
}

/* As just-in-time compilers do that keep no page writable and executable at once. */
static void through_another_mapping(void)
{
    i64 file = CALL2(SYS_memfd_create, "code", 0);
    CALL2(SYS_ftruncate, file, 8192);
    u8 *writable = (u8 *)call(SYS_mmap, 0, 8192, PROT_READ | PROT_WRITE, 1, file, 0);
    u8 *executable = (u8 *)call(SYS_mmap, 0, 8192, PROT_READ | PROT_EXEC, 1, file, 0);
    u64 sum = 0;
    for (u32 i = 0; i < 20000; i++) {
        write_constant(writable + 4096 - 3, i);
        sum += ((function)(executable + 4096 - 3))();
    }
    claim("code written at one address runs at another", sum == 19999ul * 20000 / 2);
    u8 *later = (u8 *)call(SYS_mmap, 0, 8192, PROT_READ | PROT_WRITE, 1, file, 0);
    write_constant(later + 4096 - 3, 77);
    claim("written through a mapping made later too", ((function)(executable + 4096 - 3))() == 77);
    CALL3(SYS_mprotect, later, 8192, PROT_READ);
    u32 before = ((function)(executable + 4096 - 3))();
    CALL3(SYS_mprotect, later, 8192, PROT_READ | PROT_WRITE);
    write_constant(later + 4096 - 3, 78);
    claim("and through one that became writable", before == 77 && ((function)(executable + 4096 - 3))() == 78);
}

static u32 loop_in_place(u8 *code)
{
    /* A loop whose body increments its own immediate: add eax, imm8 with the store to it inside the loop. */
    static const u8 text[] = {
        0x31, 0xc0,                               /* xor eax, eax */
        0xb9, 100, 0, 0, 0,                       /* mov ecx, 100 */
        0x83, 0xc0, 0,                            /* top: add eax, imm8 */
        0xfe, 0x05, 0xf9, 0xff, 0xff, 0xff,       /* inc byte [rip - 7]: that immediate */
        0xff, 0xc9,                               /* dec ecx */
        0x75, 0xf3,                               /* jnz top */
        0xc3,
    };
    memcpy(code, text, sizeof text);
    return ((function)code)();
}

int program(int count, char **arguments, char **environment)
{
    (void)count, (void)arguments, (void)environment;
    u8 *pages = map_pages(4, PROT_READ | PROT_WRITE | PROT_EXEC);
    same_block(pages);
    claim("a loop that changes its own body sees each change", loop_in_place(pages + 256) == 4950);
    rewritten_loop(pages + 512);
    across_page(pages + 4096);
    through_remapping(pages + 3 * 4096);
    other_thread(pages + 1024);
    while_it_runs(pages + 1536, PLAIN, "code another thread is running changes under it");
    while_it_runs(pages + 1536, LOCKED, "and when it is exchanged");
    while_it_runs(pages + 1536, REPEATED, "and when it is copied there");
    while_it_runs(pages + 1536, VECTOR, "and when it is written with much around it");
    while_it_runs(pages + 1536, SYSTEM_CALL, "and when the kernel writes it");
    while_it_runs(pages + 2 * 4096 - 3, PLAIN, "and when it straddles pages");
    through_another_mapping();
    return failures;
}
