; The native code the VMM cannot express in C#: raw system calls, memory copies that survive faults,
; and signal handlers. Position independent; HostStubs.cs copies it into a page and appends one page of
; data (DATA), so that every reference is RIP-relative. Rebuild HostStubs.g.cs with runtime/Host/assemble.
;
; A guest thread's HostThread record (HostThread.cs) is found by its kernel thread id: a signal handler has
; no other identity it may rely on.

bits 64
default rel

; --- HostThread record ---
%define T_TID           0        ; dword; 0 = free
%define T_IN_NATIVE     4        ; dword; 1 while inside a system call stub: stopped as far as a fork is concerned
%define T_INTERRUPT     8        ; dword; not 0: a blocking call must not start
%define T_PENDING       12       ; dword; number of the signal in T_INFO, 0 = none
%define T_EXIT_REQUEST  16       ; pointer to CpuState.ExitRequest
%define T_FAULT_ADDRESS 24
%define T_FAULT_ERROR   32       ; dword
%define T_FAULT_KIND    36       ; dword; 0 none, 1 access violation, 2 bus error
%define T_KICKED        40       ; dword
%define T_QUEUE_HEAD    44       ; dword; next to read
%define T_QUEUE_TAIL    48       ; dword; next to write
%define T_FAULT_MXCSR   52       ; dword
%define T_INFO          64       ; siginfo of T_PENDING
%define T_QUEUE         192      ; QUEUE_SLOTS siginfos of signals the host never blocks
%define QUEUE_SLOTS     8
%define T_SIZE          1280

; --- data page ---
%define D_GATE          0        ; dword; 1 while a fork has the world stopped
%define D_COUNT         4        ; dword; records ever used
%define D_THREADS       8        ; pointer to the records
%define D_MASK          16       ; signals blocked until a recorded one is delivered
%define D_WINDOW_COUNT  24       ; dword
%define D_BLOCKED       28       ; dword; threads that have obeyed BLOCK
%define D_CHAIN         32       ; CoreCLR's handlers by signal number (65 pointers)
%define D_WINDOWS       560      ; {start, end} pairs

; --- siginfo, ucontext ---
%define SI_CODE         8
%define SI_PID          16
%define SI_ADDR         16
%define SI_VALUE        24
%define UC_RIP          168
%define UC_ERROR        192
%define UC_FPSTATE      224      ; pointer to an FXSAVE image
%define UC_MASK         296
%define FP_MXCSR        24

%define SYS_rt_sigaction       13
%define SYS_rt_sigprocmask     14
%define SYS_getpid             39
%define SYS_gettid             186
%define SYS_futex              202
%define SYS_rt_sigqueueinfo    129
%define SYS_rt_tgsigqueueinfo  297

%define SIG_SETMASK 2

%define SIGBUS   7
%define SIGSEGV  11
%define SIGCLR   34              ; CoreCLR's thread interruption signal
%define KICK     0x4b49434b      ; si_value that marks the VMM's own use of SIGCLR
%define BLOCK    0x4b434c42      ; si_value that tells a thread of CoreCLR's to block the guest's signals
%define DIRECTED 0x44495254      ; si_value that marks a guest's tgkill with SIGCLR to its own process

data equ $$ + 0x1000

; --- entry table: 8 bytes each, in the order of HostStubs.cs ---
%macro entry 1
    align 8
    jmp near %1
%endmacro
start:
    entry raw_call
    entry blocking_call
    entry wait_at_gate
    entry copy
    entry fault_handler
    entry signal_handler
    entry shared_handler
    entry restorer
    entry fork_call
    entry fill
    entry compare_exchange
    align 16

; long raw_call(long number, long* arguments)
raw_call:
    mov     rax, rdi
    mov     r11, rsi
    mov     rdi, [r11]
    mov     rsi, [r11 + 8]
    mov     rdx, [r11 + 16]
    mov     r10, [r11 + 24]
    mov     r8, [r11 + 32]
    mov     r9, [r11 + 40]
    syscall
    ret

; long blocking_call(HostThread* thread, long number, long* arguments)
; A signal recorded before the SYSCALL instruction makes the call end with -ERESTARTSYS unexecuted: the
; handler moves RIP to `restart` when it interrupts [safe_start, safe_end).
blocking_call:
    push    rbx
    push    rbp
    mov     rbx, rdi
    mov     rax, rsi
    mov     r11, rdx
    mov     ecx, 1
    xchg    [rbx + T_IN_NATIVE], ecx
    mov     rdi, [r11]
    mov     rsi, [r11 + 8]
    mov     rdx, [r11 + 16]
    mov     r10, [r11 + 24]
    mov     r8, [r11 + 32]
    mov     r9, [r11 + 40]
safe_start:
    cmp     dword [rbx + T_INTERRUPT], 0
    jne     restart
    syscall
safe_end:
    mov     rbp, rax
    jmp     pass_gate
restart:
    mov     rbp, -512
; Returns rbp once no fork has the world stopped. T_IN_NATIVE is cleared before the gate is read again,
; so that a forker that closes it in between waits for this thread.
pass_gate:
    cmp     dword [data + D_GATE], 0
    jne     .closed
    xor     ecx, ecx
    xchg    [rbx + T_IN_NATIVE], ecx
    cmp     dword [data + D_GATE], 0
    jne     .again
    mov     rax, rbp
    pop     rbp
    pop     rbx
    ret
.again:
    mov     dword [rbx + T_IN_NATIVE], 1
.closed:
    lea     rdi, [data + D_GATE]
    mov     esi, 128             ; FUTEX_WAIT | FUTEX_PRIVATE_FLAG
    mov     edx, 1
    xor     r10d, r10d
    mov     eax, SYS_futex
    syscall
    jmp     pass_gate

; void wait_at_gate(HostThread* thread): a safepoint
wait_at_gate:
    push    rbx
    push    rbp
    mov     rbx, rdi
    xor     ebp, ebp
    mov     ecx, 1
    xchg    [rbx + T_IN_NATIVE], ecx
    jmp     pass_gate

; int copy(void* to, void* from, long length): 0, or -14 when either side faults
copy:
    mov     rcx, rdx
copy_start:
    cmp     rcx, 8
    je      .eight
    cmp     rcx, 4
    je      .four
    rep movsb
    xor     eax, eax
    ret
.eight:
    mov     rax, [rsi]
    mov     [rdi], rax
    xor     eax, eax
    ret
.four:
    mov     eax, [rsi]
    mov     [rdi], eax
    xor     eax, eax
    ret

; int fill(void* to, int value, long length): 0, or -14
fill:
    mov     rcx, rdx
    mov     eax, esi
    rep stosb
    xor     eax, eax
    ret

; int compare_exchange(int* where, int* expected, int desired): 1 stored, 0 different (*expected updated), -14
compare_exchange:
    mov     eax, [rsi]
    lock cmpxchg [rdi], edx
    jne     .different
    mov     eax, 1
    ret
.different:
    mov     [rsi], eax
    xor     eax, eax
    ret
copy_end:

copy_failed:
    mov     eax, -14
    ret

; long fork_call(long* arguments, long number): clone without a new stack; returns twice
fork_call:
    mov     r11, rdi
    mov     rax, rsi
    mov     rdi, [r11]
    mov     rsi, [r11 + 8]
    mov     rdx, [r11 + 16]
    mov     r10, [r11 + 24]
    mov     r8, [r11 + 32]
    syscall
    ret

restorer:
    mov     eax, 15
    syscall

; Finds the calling thread's record. Out: r8 = record, or 0. Clobbers rax, rcx, r11.
find_thread:
    mov     eax, SYS_gettid
    syscall
    mov     ecx, [data + D_COUNT]
    mov     r8, [data + D_THREADS]
.next:
    test    ecx, ecx
    jz      .none
    cmp     [r8 + T_TID], eax
    je      .found
    add     r8, T_SIZE
    dec     ecx
    jmp     .next
.none:
    xor     r8d, r8d
.found:
    ret

; SIGSEGV and SIGBUS. rdi = number, rsi = siginfo, rdx = ucontext
fault_handler:
    cmp     dword [rsi + SI_CODE], 0
    jle     queued_signal        ; sent by a process, not by a fault
    mov     r9, [rdx + UC_RIP]
    lea     rax, [copy_start]
    lea     rcx, [copy_end]
    cmp     r9, rax
    jb      .not_copy
    cmp     r9, rcx
    jae     .not_copy
    lea     rax, [copy_failed]
    mov     [rdx + UC_RIP], rax
    ret
.not_copy:
    mov     r10, [rsi + SI_ADDR]
    mov     ecx, [data + D_WINDOW_COUNT]
    lea     r9, [data + D_WINDOWS]
.next:
    test    ecx, ecx
    jz      throw
    cmp     r10, [r9]
    jb      .other
    cmp     r10, [r9 + 8]
    jb      .inside
.other:
    add     r9, 16
    dec     ecx
    jmp     .next
.inside:
    push    rdi
    push    r10
    push    r10
    call    find_thread          ; keeps rsi, rdx, r10
    pop     r10
    pop     r10
    pop     rdi
    test    r8, r8
    jz      .rewrite             ; a thread of the VMM's reading guest memory
    mov     [r8 + T_FAULT_ADDRESS], r10
    mov     eax, [rdx + UC_ERROR]
    mov     [r8 + T_FAULT_ERROR], eax
    mov     rax, [rdx + UC_FPSTATE]
    mov     eax, [rax + FP_MXCSR]
    mov     [r8 + T_FAULT_MXCSR], eax
    xor     eax, eax
    cmp     edi, SIGBUS
    sete    al
    inc     eax
    mov     [r8 + T_FAULT_KIND], eax
.rewrite:
    ; A small address in a SIGSEGV is what CoreCLR turns into a NullReferenceException.
    mov     qword [rsi + SI_ADDR], 8
    mov     dword [rsi], SIGSEGV
    mov     dword [rsi + SI_CODE], 1
    mov     edi, SIGSEGV
; CoreCLR throws out of its handler: what this handler's own mask blocked would stay blocked, so the
; interrupted code's mask comes back first.
throw:
    push    rdi
    push    rsi
    push    rdx
    lea     rsi, [rdx + UC_MASK]
    mov     edi, SIG_SETMASK
    xor     edx, edx
    mov     r10d, 8
    mov     eax, SYS_rt_sigprocmask
    syscall
    pop     rdx
    pop     rsi
    pop     rdi
chain:
    mov     eax, edi
    lea     r9, [data + D_CHAIN]
    mov     rcx, [r9 + rax * 8]
    cmp     rcx, 1
    jbe     .none
    jmp     rcx
.none:
    ; Nobody handles it: with the default action back, the instruction faults again and ends the process.
    xor     eax, eax
    push    rax
    push    rax
    push    rax
    push    rax
    mov     rsi, rsp
    xor     edx, edx
    mov     r10d, 8
    mov     eax, SYS_rt_sigaction
    syscall
    add     rsp, 32
    ret

; SIGFPE, SIGILL, SIGTRAP and SIGCLR: CoreCLR's when it caused them, the guest's when a process sent them
shared_handler:
    cmp     edi, SIGCLR
    je      .clr
    cmp     dword [rsi + SI_CODE], 0
    jg      throw
    jmp     queued_signal
.clr:
    cmp     dword [rsi + SI_CODE], 0
    jge     queued_signal        ; kill
    mov     eax, SYS_getpid
    syscall
    cmp     [rsi + SI_PID], eax
    jne     queued_signal
    cmp     dword [rsi + SI_VALUE], KICK
    je      .kick
    cmp     dword [rsi + SI_VALUE], BLOCK
    je      .block
    cmp     dword [rsi + SI_VALUE], DIRECTED
    je      queued_signal
    cmp     dword [rsi + SI_CODE], -6
    je      chain
    jmp     queued_signal
.kick:
    call    find_thread
    test    r8, r8
    jz      .done
    mov     dword [r8 + T_KICKED], 1
    jmp     interrupt
.done:
    ret
.block:
    mov     rax, [data + D_MASK]
    or      [rdx + UC_MASK], rax
    lock inc dword [data + D_BLOCKED]
    ret

; Signals the host never blocks, because CoreCLR needs them: several may be waiting for the guest's mask.
queued_signal:
    call    find_thread
    test    r8, r8
    jz      .foreign
    mov     r9d, [r8 + T_QUEUE_TAIL]
    mov     eax, r9d
    sub     eax, [r8 + T_QUEUE_HEAD]
    cmp     eax, QUEUE_SLOTS
    jae     interrupt            ; full: merged, as a standard signal that is already pending
    mov     eax, r9d
    and     eax, QUEUE_SLOTS - 1
    shl     eax, 7
    lea     rdi, [r8 + rax + T_QUEUE]
    mov     ecx, 16
    rep movsq
    inc     r9d
    mov     [r8 + T_QUEUE_TAIL], r9d
    jmp     interrupt
.foreign:
    ; Pass it to the first guest thread; the process's main thread is one.
    push    rdi
    push    rsi
    mov     eax, SYS_getpid
    syscall
    pop     r10
    pop     rdx
    mov     edi, eax
    mov     esi, eax
    mov     eax, SYS_rt_tgsigqueueinfo
    syscall
    ret

; Every other signal the guest handles. The host's mask is the guest's, so it is deliverable.
signal_handler:
    call    find_thread
    mov     rax, [data + D_MASK]
    test    r8, r8
    jz      .foreign
    mov     [r8 + T_PENDING], edi
    or      [rdx + UC_MASK], rax ; no second one until this one is delivered
    lea     rdi, [r8 + T_INFO]
    mov     ecx, 16
    rep movsq
    jmp     interrupt
.foreign:
    ; A thread of CoreCLR's: block guest signals here for good, and let the kernel pick another thread.
    or      [rdx + UC_MASK], rax
    push    rdi
    push    rsi
    mov     eax, SYS_getpid
    syscall
    pop     rdx
    pop     rsi
    mov     edi, eax
    mov     eax, SYS_rt_sigqueueinfo
    syscall
    ret

; r8 = record, rdx = ucontext: makes the guest thread look at its signals soon
interrupt:
    mov     dword [r8 + T_INTERRUPT], 1
    mov     rax, [r8 + T_EXIT_REQUEST]
    test    rax, rax
    jz      .no_cpu
    mov     dword [rax], 1
.no_cpu:
    mov     r9, [rdx + UC_RIP]
    lea     rax, [safe_start]
    lea     rcx, [safe_end]
    cmp     r9, rax
    jb      .done
    cmp     r9, rcx
    jae     .done
    lea     rax, [restart]
    mov     [rdx + UC_RIP], rax
.done:
    ret
finish:
