/* Accesses near to each other of which some are refused: those before the refused one have happened when the handler runs, those after it have not. */
#include "guest.h"

enum { PAGE = 4096, FROM = -16, BYTES = 64, WARM = 200000 };

static u8 *pages;
static u8 table[2 * PAGE] __attribute__((aligned(4096)));
static u64 *const entries = (u64 *)(table + PAGE - 1024);

static volatile u32 faults;
static volatile u64 refused;
static volatile int code;
static volatile int ends_function;
static u8 *volatile watched;
static u8 at_fault[BYTES];

extern u8 touch_ends[], pick_ends[];

/* Allows the page and goes on, or ends the function where there is no page to allow. */
static void on_fault(int signal, struct siginfo *information, struct context *context)
{
    (void)signal;
    faults++;
    refused = information->address;
    code = information->code;
    if (ends_function) {
        context->rip = (u64)touch_ends;
        return;
    }
    CALL3(SYS_mprotect, refused & -PAGE, PAGE, PROT_READ | PROT_WRITE);
    if (watched)
        memcpy(at_fault, watched, BYTES);
}

/* One block: loads and stores of several sizes around one register. */
__attribute__((noinline, noclone)) static u64 touch(u8 *at)
{
    u64 sum;
    __asm__ volatile(
        "mov -16(%1), %0\n\t"
        "movq $0x11, -8(%1)\n\t"
        "add (%1), %0\n\t"
        "movl $0x22, 8(%1)\n\t"
        "addq $0x33, 12(%1)\n\t"
        "movups 20(%1), %%xmm0\n\t"
        "movb $0x44, 36(%1)\n\t"
        "movups %%xmm0, 32(%1)\n\t"
        "touch_ends:"
        : "=&r"(sum) : "r"(at) : "xmm0", "memory", "cc");
    return sum;
}

/* The same in words, access by access. */
static const struct { int from, bytes, writes; } steps[] = {
    {-16, 8, 0}, {-8, 8, 1}, {0, 8, 0}, {8, 4, 1}, {12, 8, 1}, {20, 16, 0}, {36, 1, 1}, {32, 16, 1},
};
enum { STEPS = sizeof steps / sizeof *steps };

static u8 model[BYTES], vector[16];
static u64 model_sum;

static void model_step(int step)
{
    u8 *at = model - FROM + steps[step].from;
    u64 value = 0;
    switch (step) {
    case 0: memcpy(&value, at, 8); model_sum = value; break;
    case 1: value = 0x11; memcpy(at, &value, 8); break;
    case 2: memcpy(&value, at, 8); model_sum += value; break;
    case 3: value = 0x22; memcpy(at, &value, 4); break;
    case 4: memcpy(&value, at, 8); value += 0x33; memcpy(at, &value, 8); break;
    case 5: memcpy(vector, at, 16); break;
    case 6: *at = 0x44; break;
    case 7: memcpy(at, vector, 16); break;
    }
}

static void fill(u8 *at, u8 seed)
{
    for (int i = 0; i < BYTES; i++)
        at[i] = (u8)(seed + 7 * i);
}

static int same(const u8 *a, const u8 *b)
{
    int equal = 1;
    for (int i = 0; i < BYTES; i++)
        equal &= a[i] == b[i];
    return equal;
}

/* The block at a place of which one page refuses: the fault is the model's first, once, with everything before it done and nothing after. */
static int is_precise(u8 *at, u8 *page, int protection)
{
    fill(at + FROM, (u8)(u64)at);
    fill(model, (u8)(u64)at);
    u32 expected = 0;
    u64 place = 0;
    int right = 1;
    watched = at + FROM;
    faults = 0;
    CALL3(SYS_mprotect, page, PAGE, protection);
    u64 sum = touch(at);
    u32 happened = faults;
    CALL3(SYS_mprotect, page, PAGE, PROT_READ | PROT_WRITE);
    for (int i = 0; i < STEPS; i++) {
        u8 *first = at + steps[i].from, *last = first + steps[i].bytes - 1;
        int touches = (first >= page && first < page + PAGE) || (last >= page && last < page + PAGE);
        if (!expected && touches && (protection == PROT_NONE || steps[i].writes)) {
            expected = 1;
            place = (u64)(first >= page ? first : page);
            right &= same(at_fault, model);
        }
        model_step(i);
    }
    right &= happened == expected && sum == model_sum && same(at + FROM, model) && (!expected || refused == place);
    watched = 0;
    return right;
}

static void around_a_page(void)
{
    static const struct { const char *name; int page, protection; } cases[] = {
        {"no access to the page after", 2, PROT_NONE},
        {"no access to the page before", 1, PROT_NONE},
        {"no writes to the page after", 2, PROT_READ},
        {"no writes to the page before", 1, PROT_READ},
        {"no access to a page further on", 3, PROT_NONE},
    };
    for (int i = 0; i < WARM; i++)
        touch(pages + PAGE + 64 + (i & 1023));
    for (u32 i = 0; i < sizeof cases / sizeof *cases; i++) {
        int right = 1;
        for (int round = 0; round < 3; round++)
            for (int distance = -72; distance <= 40; distance++)
                right &= is_precise(pages + 2 * PAGE + distance, pages + cases[i].page * PAGE, cases[i].protection);
        claim(cases[i].name, right);
    }
}

/* A table that is indexed by a byte, in two pages. */
__attribute__((noinline, noclone)) static u64 pick(u64 index)
{
    u64 value;
    __asm__ volatile("movzbl %b1, %%ecx\n\tmov table+3072(,%%rcx,8), %0\n\tadd table+3072(%%rip), %0\n\tincq table+3064(%%rip)" : "=&r"(value) : "q"(index) : "rcx", "memory", "cc");
    return value;
}

static void in_a_table(void)
{
    for (int i = 0; i < 256; i++)
        entries[i] = (u64)i * 3;
    u64 sum = 0;
    for (int i = 0; i < WARM; i++)
        sum += pick((u64)i);
    claim("a table of two pages is read", sum == 3 * (u64)(WARM / 256) * (255 * 256 / 2) + 3 * (u64)((WARM % 256) * (WARM % 256 - 1) / 2));

    int right = 1;
    for (int i = 0; i < 256; i++) {
        CALL3(SYS_mprotect, table + PAGE, PAGE, PROT_NONE);
        faults = 0;
        u64 value = pick((u64)i + 256);
        right &= value == (u64)i * 3 && (i < 128 ? faults == 0 : faults == 1 && refused == (u64)(entries + i));
    }
    CALL3(SYS_mprotect, table + PAGE, PAGE, PROT_READ | PROT_WRITE);
    claim("of one that is half there, only what is not there faults", right);

    CALL3(SYS_mprotect, table, PAGE, PROT_READ);
    faults = 0;
    u64 before = entries[-1], value = pick(5);
    claim("a counter beside it that may not be written faults at itself", faults == 1 && refused == (u64)(entries - 1) && value == 15 && entries[-1] == before + 1);
}

/* Where addresses end. */
static void at_the_end(void)
{
    static const struct { u64 at, refused; int code; } places[] = {
        {0x7ffffffff000 + 16, 0x7ffffffff000, 1},
        {0x7fffffffffe0 + 16, 0x7fffffffffe0, 1},
        {0x7ffffffffffc + 16, 0, 0x80},
        {0x800000000000 + 16, 0, 0x80},
        {0xfffffffffffff000, 0xffffffffffffeff0, 1},
        {8, 0xfffffffffffffff8, 1},
        {16, 0, 1},
    };
    int right = 1;
    ends_function = 1;
    for (u32 i = 0; i < sizeof places / sizeof *places; i++) {
        faults = 0;
        touch((u8 *)places[i].at);
        right &= faults == 1 && refused == places[i].refused && code == places[i].code;
    }
    ends_function = 0;
    claim("past the end and before the beginning of memory", right);
}

int program(int count, char **arguments, char **environment)
{
    (void)count, (void)arguments, (void)environment;
    pages = map_pages(5, PROT_READ | PROT_WRITE);
    handle(SIGSEGV, on_fault, 0);
    around_a_page();
    in_a_table();
    at_the_end();
    return failures;
}
