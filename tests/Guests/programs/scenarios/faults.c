/* Faults inside instructions and across pages: what the handler sees, and that repairing and returning continues. */
#include "guest.h"

static u8 *pages;
static volatile struct siginfo last;
static volatile struct context seen;
static volatile u32 faults;
static volatile int repair_by_skipping;

static void on_fault(int signal, struct siginfo *information, struct context *context)
{
    (void)signal;
    last = *information;
    seen = *context;
    faults++;
    if (repair_by_skipping)
        context->rip += repair_by_skipping;
    else
        CALL3(SYS_mprotect, (information->address & ~4095ul), 4096, PROT_READ | PROT_WRITE);
}

static void reset(int skip)
{
    CALL3(SYS_mprotect, pages, 4096, PROT_READ | PROT_WRITE);
    CALL3(SYS_mprotect, pages + 4096, 4096, PROT_NONE);
    faults = 0;
    repair_by_skipping = skip;
}

static void memory_faults(void)
{
    reset(0);
    u64 value = 0x1122334455667788, back;
    __asm__ volatile("mov %1, (%2)\n\tmov (%2), %0" : "=r"(back) : "r"(value), "r"(pages + 4096 - 4) : "memory");
    claim("a store across pages faults once, at the second page, and then happens whole", faults == 1 && back == value && last.address == (u64)pages + 4096 && last.code == 2);

    reset(0);
    memset(pages, 7, 4096);
    u8 *to = pages + 4096 - 100;
    u8 *from = pages;
    u64 count = 200;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    claim("rep movsb stops where it faults, with its registers there", seen.rcx == 100 && seen.rdi == (u64)pages + 4096 && seen.rsi == (u64)pages + 100);
    claim("and goes on to the end after the repair", count == 0 && pages[4096 + 99] == 7 && faults == 1);

    reset(3);
    u64 before = 0x5a5a, after = before;
    __asm__ volatile("mov %1, %%rax\n\tadd (%2), %%rax\n\tmov %%rax, %0" : "=r"(after) : "r"(before), "r"(pages + 4096) : "rax", "memory", "cc");
    claim("a faulting load leaves its register as it was", after == before && seen.rax == before && faults == 1);

    reset(3);
    u64 stack_before, stack_after;
    __asm__ volatile("mov %%rsp, %0\n\tmov %2, %%rax\n\t.byte 0xff, 0x70, 0x00\n\tmov %%rsp, %1" : "=&r"(stack_before), "=&r"(stack_after) : "r"(pages + 4096) : "rax", "memory");
    claim("a faulting push does not move the stack pointer", stack_before == stack_after && faults == 1);

    reset(5);
    u64 low = 1;
    __asm__ volatile("mov %1, %%r9\n\tlock xadd %0, (%%r9)" : "+r"(low) : "r"(pages + 4096) : "r9", "memory", "cc");
    claim("a faulting lock xadd changes nothing", faults == 1 && low == 1);

    reset(0);
    claim("a write fault is told from a read", (*(volatile u8 *)(pages + 4096) = 1, (seen.error & 2) != 0));
    reset(0);
    claim("a read fault is told from a write", (*(volatile u8 *)(pages + 4096), (seen.error & 2) == 0 && seen.trap == 14));
}

static void other_faults(void)
{
    repair_by_skipping = 2;
    faults = 0;
    __asm__ volatile("ud2");
    claim("ud2 raises SIGILL at itself", faults == 1 && last.signal == SIGILL && last.address == seen.rip);

    repair_by_skipping = 2;
    u64 quotient = 10, rest = 0, zero = 0;
    __asm__ volatile("div %%ecx" : "+a"(quotient), "+d"(rest) : "c"((u32)zero) : "cc");
    claim("division by zero raises SIGFPE and leaves the registers", faults == 2 && last.signal == SIGFPE && last.code == 1 && quotient == 10);

    repair_by_skipping = 3;
    __asm__ volatile("mov %0, %%rax\n\t.byte 0x48, 0x8b, 0x00" : : "r"(0x8000000000000000ul) : "rax", "memory");
    claim("an address that is not canonical raises SIGSEGV without an address", faults == 3 && last.signal == SIGSEGV && last.code == 0x80);

    repair_by_skipping = 1;
    __asm__ volatile("hlt");
    claim("hlt raises SIGSEGV", faults == 4 && last.signal == SIGSEGV);

    CALL3(SYS_mprotect, pages + 4096, 4096, PROT_READ | PROT_WRITE);
}

static u64 returned_to;

static void on_jump(int signal, struct siginfo *information, struct context *context)
{
    (void)signal;
    faults++;
    last = *information;
    seen = *context;
    context->rip = returned_to;
}

static void execute_faults(void)
{
    handle(SIGSEGV, on_jump, 0);
    faults = 0;
    __asm__ volatile("lea 1f(%%rip), %%rax\n\tmov %%rax, %0\n\tjmp *%1\n1:" : "=m"(returned_to) : "r"(pages) : "rax", "memory");
    claim("a jump to data faults at its target", faults == 1 && last.address == (u64)pages && seen.rip == (u64)pages && (seen.error & 16) != 0);
    __asm__ volatile("lea 1f(%%rip), %%rax\n\tmov %%rax, %0\n\tjmp *%1\n1:" : "=m"(returned_to) : "r"(64ul) : "rax", "memory");
    claim("a jump to no memory faults at its target", faults == 2 && last.address == 64 && last.code == 1);
}

static volatile u32 traps;

static void on_trap(int signal, struct siginfo *information, struct context *context)
{
    (void)signal, (void)information, (void)context;
    traps++;
}

int program(int count, char **arguments, char **environment)
{
    (void)count, (void)arguments, (void)environment;
    pages = map_pages(3, PROT_READ | PROT_WRITE);
    handle(SIGSEGV, on_fault, 0);
    handle(SIGILL, on_fault, 0);
    handle(SIGFPE, on_fault, 0);
    memory_faults();
    other_faults();
    execute_faults();
    handle(SIGTRAP, on_trap, 0);
    __asm__ volatile("int3");
    claim("int3 raises SIGTRAP and goes on behind itself", traps == 1);
    return failures;
}
