// The reference for the differential tests: runs given x86-64 bytes on the host CPU with a given register
// state and records what they did. Requests and answers travel through a shared file (argv[1]); one byte on
// stdin starts a batch and one byte on stdout ends it. NativeOracle.cs is the other side and OracleLayout.cs
// mirrors every structure here.
//
// Every general register, RSP included, belongs to the tested code, so host state lives at fixed addresses
// (the program is linked without PIE) and signals arrive on an alternate stack. Tested code leaves through
// `jmp exit_stub_N`, which the requester put behind it, or through a signal.

#define _GNU_SOURCE
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#define DATA_BASE 0x1b700000ul
#define DATA_SIZE 8192
#define READ_ONLY_BASE (DATA_BASE + 0x3000)
#define CODE_BASE 0x2a300000ul
#define CODE_SIZE 0x100000
#define PAGE 4096
#define LINE 64
#define MAX_LINES 16
#define MAX_PROGRAMS 256
#define MAX_CASES 4096
#define CODE_BYTES 1024
#define EXIT_STUBS 8
#define TICK_US 400000

struct machine_state
{
    uint64_t gpr[16];
    uint64_t rip, rflags, fs_base, gs_base;
    uint64_t reserved[4];
    uint8_t xsave[832];
} __attribute__((aligned(64)));

struct case_input
{
    struct machine_state state;
    uint64_t patch_address[2];
    uint32_t patch_count, reserved[11];
    uint8_t patch_data[2][LINE];
} __attribute__((aligned(64)));

struct case_output
{
    struct machine_state state;
    uint32_t signal, code;
    uint64_t trap, error, fault_address;
    uint32_t exit_index, line_count;
    uint64_t reserved[3];
    uint32_t line_offset[MAX_LINES];
    uint8_t line[MAX_LINES][LINE];
} __attribute__((aligned(64)));

struct program
{
    uint64_t code_address;
    uint32_t code_length, first_case, case_count, reserved;
    uint8_t padding[488];
    uint8_t code[CODE_BYTES];
    uint8_t memory[DATA_SIZE];
    uint8_t tail[512];
} __attribute__((aligned(64)));

struct shared
{
    uint64_t exit_stub[EXIT_STUBS];
    uint32_t program_count, ready;
    uint8_t padding[PAGE - 72];
    uint8_t read_only[PAGE];
    struct program programs[MAX_PROGRAMS];
    struct case_input inputs[MAX_CASES];
    struct case_output outputs[MAX_CASES];
};

_Static_assert(sizeof(struct machine_state) == 1024, "layout");
_Static_assert(sizeof(struct case_input) == 1216, "layout");
_Static_assert(sizeof(struct case_output) == 2176, "layout");
_Static_assert(sizeof(struct program) == 10240, "layout");

struct machine_state g_in, g_out;
uint64_t g_host_rsp, g_host_fs, g_host_gs;
uint32_t g_exit_index;
volatile int g_in_guest;
static volatile uint64_t g_case_number;
static struct case_output *g_output;
static uint8_t g_pristine[DATA_SIZE] __attribute__((aligned(64)));

void run_case(void);
void abort_case(void) __attribute__((noreturn));
extern const uint8_t exit_stub_0[], exit_stub_1[], exit_stub_2[], exit_stub_3[], exit_stub_4[], exit_stub_5[],
    exit_stub_6[], exit_stub_7[];

__asm__(
    ".intel_syntax noprefix\n"
    ".text\n"
    "run_case:\n"
    "  push rbx; push rbp; push r12; push r13; push r14; push r15\n"
    "  mov g_host_rsp, rsp\n"
    "  mov dword ptr g_in_guest, 1\n"
    "  mov eax, 7; xor edx, edx\n"
    "  xrstor64 [g_in + 192]\n"
    "  mov rax, g_in + 144; wrfsbase rax\n"
    "  mov rax, g_in + 152; wrgsbase rax\n"
    "  mov esp, offset g_in + 136\n"
    "  popfq\n"
    "  mov rax, g_in + 0; mov rcx, g_in + 8; mov rdx, g_in + 16; mov rbx, g_in + 24\n"
    "  mov rsp, g_in + 32; mov rbp, g_in + 40; mov rsi, g_in + 48; mov rdi, g_in + 56\n"
    "  mov r8, g_in + 64; mov r9, g_in + 72; mov r10, g_in + 80; mov r11, g_in + 88\n"
    "  mov r12, g_in + 96; mov r13, g_in + 104; mov r14, g_in + 112; mov r15, g_in + 120\n"
    "  jmp qword ptr [g_in + 128]\n"
    ".irp n, 0, 1, 2, 3, 4, 5, 6, 7\n"
    ".globl exit_stub_\\n\n"
    "exit_stub_\\n:\n"
    "  mov dword ptr g_exit_index, \\n\n"
    "  jmp leave_case\n"
    ".endr\n"
    "leave_case:\n"
    "  mov g_out + 0, rax; mov g_out + 8, rcx; mov g_out + 16, rdx; mov g_out + 24, rbx\n"
    "  mov g_out + 32, rsp; mov g_out + 40, rbp; mov g_out + 48, rsi; mov g_out + 56, rdi\n"
    "  mov g_out + 64, r8; mov g_out + 72, r9; mov g_out + 80, r10; mov g_out + 88, r11\n"
    "  mov g_out + 96, r12; mov g_out + 104, r13; mov g_out + 112, r14; mov g_out + 120, r15\n"
    "  mov esp, offset g_out + 144\n"
    "  pushfq\n"
    "  push 2\n"
    "  popfq\n"
    "  rdfsbase rax; mov g_out + 144, rax\n"
    "  rdgsbase rax; mov g_out + 152, rax\n"
    "  mov eax, 7; xor edx, edx\n"
    "  xsave64 [g_out + 192]\n"
    "  mov rax, g_host_fs; wrfsbase rax\n"
    "  mov rax, g_host_gs; wrgsbase rax\n"
    ".globl abort_case\n"
    "abort_case:\n"
    "  mov rsp, g_host_rsp\n"
    "  mov dword ptr g_in_guest, 0\n"
    "  pop r15; pop r14; pop r13; pop r12; pop rbp; pop rbx\n"
    "  vzeroupper\n"
    "  ret\n"
    ".att_syntax prefix\n");

// The kernel's order of saved registers (sigcontext) differs from the encoding order.
static const uint8_t k_register_order[16] = {
    REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
    REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static void on_signal(int signal, siginfo_t *info, void *context)
{
    // Tested code may have set AC; clear it before any C code depends on unaligned access.
    __asm__ volatile("pushq $2; popfq" ::: "cc", "memory");
    if (!g_in_guest)
    {
        if (signal == SIGALRM)
        {
            return;
        }

        _exit(70);
    }

    if (signal == SIGALRM)
    {
        static uint64_t s_seen;
        if (s_seen != g_case_number)
        {
            s_seen = g_case_number;
            return;
        }
    }

    const ucontext_t *uc = context;
    for (int i = 0; i < 16; i++)
    {
        g_out.gpr[i] = (uint64_t)uc->uc_mcontext.gregs[k_register_order[i]];
    }

    g_out.rip = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
    g_out.rflags = (uint64_t)uc->uc_mcontext.gregs[REG_EFL];
    __asm__ volatile("rdfsbase %0" : "=r"(g_out.fs_base));
    __asm__ volatile("rdgsbase %0" : "=r"(g_out.gs_base));
    const uint64_t *from = (const uint64_t *)uc->uc_mcontext.fpregs;
    uint64_t *to = (uint64_t *)g_out.xsave;
    for (int i = 0; i < 832 / 8; i++)
    {
        to[i] = from[i];
    }

    g_output->signal = (uint32_t)signal;
    g_output->code = (uint32_t)info->si_code;
    g_output->trap = (uint64_t)uc->uc_mcontext.gregs[REG_TRAPNO];
    g_output->error = (uint64_t)uc->uc_mcontext.gregs[REG_ERR];
    g_output->fault_address = (uint64_t)uc->uc_mcontext.gregs[REG_CR2];
    __asm__ volatile("wrfsbase %0" ::"r"(g_host_fs));
    __asm__ volatile("wrgsbase %0" ::"r"(g_host_gs));
    abort_case();
}

static void die(const char *what)
{
    dprintf(2, "oracle: %s: %s\n", what, strerror(errno));
    _exit(71);
}

static void map_fixed(uint64_t address, size_t length, int protection)
{
    void *result = mmap((void *)address, length, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (result != (void *)address)
    {
        die("mapping the test pages");
    }
}

static void install_handlers(void)
{
    static uint8_t s_stack[64 * 1024] __attribute__((aligned(64)));
    stack_t stack = {.ss_sp = s_stack, .ss_size = sizeof s_stack};
    if (sigaltstack(&stack, NULL) != 0)
    {
        die("sigaltstack");
    }

    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    static const int k_signals[] = {SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGBUS, SIGALRM};
    for (size_t i = 0; i < sizeof k_signals / sizeof k_signals[0]; i++)
    {
        if (sigaction(k_signals[i], &action, NULL) != 0)
        {
            die("sigaction");
        }
    }

    struct itimerval timer = {{0, TICK_US}, {0, TICK_US}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

// A patch may start in the writable pages only; what would reach past them is cut.
static void apply_patches(const struct case_input *input, uint8_t *live)
{
    for (uint32_t i = 0; i < input->patch_count && i < 2; i++)
    {
        uint64_t offset = input->patch_address[i] - DATA_BASE;
        if (offset < DATA_SIZE)
        {
            size_t length = DATA_SIZE - offset < LINE ? DATA_SIZE - offset : LINE;
            memcpy(live + offset, input->patch_data[i], length);
            memcpy(g_pristine + offset, input->patch_data[i], length);
        }
    }
}

static void collect_lines(struct case_output *output, const struct case_input *input, const uint8_t *base, uint8_t *live)
{
    uint32_t count = 0;
    bool changed = memcmp(live, g_pristine, DATA_SIZE) != 0;
    for (uint32_t offset = 0; changed && offset < DATA_SIZE; offset += LINE)
    {
        if (memcmp(live + offset, g_pristine + offset, LINE) != 0)
        {
            if (count < MAX_LINES)
            {
                output->line_offset[count] = offset;
                memcpy(output->line[count], live + offset, LINE);
            }

            count++;
            memcpy(live + offset, base + offset, LINE);
        }
    }

    output->line_count = count;
    for (uint32_t i = 0; i < input->patch_count && i < 2; i++)
    {
        uint64_t offset = input->patch_address[i] - DATA_BASE;
        if (offset < DATA_SIZE)
        {
            size_t length = DATA_SIZE - offset < LINE ? DATA_SIZE - offset : LINE;
            memcpy(live + offset, base + offset, length);
            memcpy(g_pristine + offset, base + offset, length);
        }
    }
}

static void run_program(struct shared *shared, const struct program *program)
{
    uint8_t *live = (uint8_t *)DATA_BASE;
    memcpy((void *)program->code_address, program->code, program->code_length);
    memcpy(live, program->memory, DATA_SIZE);
    memcpy(g_pristine, program->memory, DATA_SIZE);
    for (uint32_t i = 0; i < program->case_count; i++)
    {
        const struct case_input *input = &shared->inputs[program->first_case + i];
        struct case_output *output = &shared->outputs[program->first_case + i];
        apply_patches(input, live);
        g_in = input->state;
        g_output = output;
        g_exit_index = 0xffffffff;
        output->signal = 0;
        output->code = 0;
        output->trap = output->error = output->fault_address = 0;
        g_case_number++;
        g_out.rip = 0;
        run_case();
        output->exit_index = g_exit_index;
        // Saving the flags used the slot; where the code ended is the exit's number.
        g_out.rip = output->signal == 0 ? 0 : g_out.rip;
        output->state = g_out;
        collect_lines(output, input, program->memory, live);
    }
}

static struct shared *open_shared(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
    {
        die("opening the shared file");
    }

    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED)
    {
        die("mapping the shared file");
    }

    const uint8_t *stubs[EXIT_STUBS] = {exit_stub_0, exit_stub_1, exit_stub_2, exit_stub_3,
                                        exit_stub_4, exit_stub_5, exit_stub_6, exit_stub_7};
    for (int i = 0; i < EXIT_STUBS; i++)
    {
        shared->exit_stub[i] = (uint64_t)stubs[i];
    }

    return shared;
}

int main(int argc, char **argv)
{
    if (argc != 2)
    {
        return 64;
    }

    // Without randomisation nothing of this process lands on the test's addresses.
    int persona = personality(0xffffffff);
    if (persona != -1 && !(persona & ADDR_NO_RANDOMIZE) && personality(persona | ADDR_NO_RANDOMIZE) != -1)
    {
        execv("/proc/self/exe", argv);
    }

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    __asm__ volatile("rdfsbase %0" : "=r"(g_host_fs));
    __asm__ volatile("rdgsbase %0" : "=r"(g_host_gs));
    struct shared *shared = open_shared(argv[1]);
    map_fixed(DATA_BASE, DATA_SIZE, PROT_READ | PROT_WRITE);
    map_fixed(READ_ONLY_BASE, PAGE, PROT_READ | PROT_WRITE);
    map_fixed(CODE_BASE, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC);
    memcpy((void *)READ_ONLY_BASE, shared->read_only, PAGE);
    mprotect((void *)READ_ONLY_BASE, PAGE, PROT_READ);
    install_handlers();
    shared->ready = 1;
    for (;;)
    {
        uint8_t command;
        ssize_t got;
        do
        {
            got = write(1, "r", 1) == 1 ? 1 : -1;
        } while (got < 0 && errno == EINTR);

        do
        {
            got = read(0, &command, 1);
        } while (got < 0 && errno == EINTR);

        if (got != 1)
        {
            return 0;
        }

        for (uint32_t i = 0; i < shared->program_count && i < MAX_PROGRAMS; i++)
        {
            run_program(shared, &shared->programs[i]);
        }
    }
}
