; The demonstration kernel that `jitvmm boot` starts when no other is named: says through the serial port what it exercises, and turns the machine off.
; Multiboot, flat binary: nasm -f bin demo.asm -o demo.bin (assemble does that; a test compares).

LOAD            equ 0x100000
STACKS          equ 0x80000             ; 4 KiB for each processor, growing down from here
TRAMPOLINE      equ 0x8000              ; where start-up messages send processors
PML4            equ 0x200000
PDPT            equ 0x201000
DIRECTORY       equ 0x202000            ; four of them: 4 GiB
LAPIC           equ 0xfee00000
UNMAPPED        equ 0x8000000000        ; 512 GiB: nothing there until the page fault handler maps it
SERIAL          equ 0x3f8
TIMER_VECTOR    equ 0x20
APIC_VECTOR     equ 0x40
SPURIOUS_VECTOR equ 0xff

        org     LOAD
        bits    32

header:
        dd      0x1badb002, 0x00010000, -(0x1badb002 + 0x00010000)
        dd      header, header, image_end, bss_end, start

start:
        cli
        mov     esp, STACKS
        mov     edi, PML4               ; page tables: the first 4 GiB map to themselves in 2 MiB pages
        xor     eax, eax
        mov     ecx, 6 * 1024
        rep stosd
        mov     dword [PML4], PDPT + 3
        mov     edi, PDPT
        mov     eax, DIRECTORY + 3
        mov     ecx, 4
.directories:
        mov     [edi], eax
        add     eax, 0x1000
        add     edi, 8
        loop    .directories
        mov     edi, DIRECTORY
        mov     eax, 0x83
        mov     ecx, 2048
.pages: mov     [edi], eax
        add     eax, 0x200000
        add     edi, 8
        loop    .pages
        call    enter_long_mode
        bits    64
        lea     rsi, [rel text_hello]
        call    print
        call    make_idt
        call    show_cpu
        call    show_paging
        call    show_pit
        call    show_apic_timer
        call    show_processors
        call    show_clock
        lea     rsi, [rel text_off]
        call    print
        jmp     power_off

; Turns paging and long mode on and returns in 64-bit code. 32-bit, any processor.
        bits    32
enter_long_mode:
        pop     ebx
        mov     eax, cr4
        or      eax, 0x20               ; PAE
        mov     cr4, eax
        mov     eax, PML4
        mov     cr3, eax
        mov     ecx, 0xc0000080         ; EFER: long mode, no-execute
        rdmsr
        or      eax, 0x900
        wrmsr
        mov     eax, cr0
        or      eax, 0x80010001         ; paging, write protect, protection
        mov     cr0, eax
        lgdt    [gdt_pointer]
        jmp     0x08:.long
        bits    64
.long:  mov     eax, 0x10
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        mov     fs, eax
        mov     gs, eax
        jmp     rbx

; ---- output

; A zero-terminated string at RSI.
print:
        lodsb
        test    al, al
        jz      .done
        call    put
        jmp     print
.done:  ret

; The character in AL.
put:
        push    rdx
        push    rax
        mov     dx, SERIAL + 5
.busy:  in      al, dx
        test    al, 0x20
        jz      .busy
        pop     rax
        mov     dx, SERIAL
        out     dx, al
        pop     rdx
        ret

; RAX in decimal.
print_number:
        push    rbx
        push    rdx
        mov     ebx, 10
        xor     edx, edx
        div     rbx
        test    rax, rax
        jz      .last
        call    print_number
.last:  lea     eax, [rdx + '0']
        call    put
        pop     rdx
        pop     rbx
        ret

; AL as two decimal digits that BCD holds.
print_bcd:
        push    rax
        shr     al, 4
        and     al, 15
        add     al, '0'
        call    put
        pop     rax
        and     al, 15
        add     al, '0'
        jmp     put

; ---- interrupts

; Vector RCX, handler RAX.
set_gate:
        mov     edx, ecx
        shl     edx, 4
        mov     edi, idt
        add     rdi, rdx
        mov     [rdi], ax
        mov     word [rdi + 2], 0x08
        mov     word [rdi + 4], 0x8e00
        shr     rax, 16
        mov     [rdi + 6], ax
        shr     rax, 16
        mov     [rdi + 8], eax
        mov     dword [rdi + 12], 0
        ret

make_idt:
        lea     rax, [rel on_page_fault]
        mov     ecx, 14
        call    set_gate
        lea     rax, [rel on_breakpoint]
        mov     ecx, 3
        call    set_gate
        lea     rax, [rel on_timer]
        mov     ecx, TIMER_VECTOR
        call    set_gate
        lea     rax, [rel on_apic_timer]
        mov     ecx, APIC_VECTOR
        call    set_gate
        lea     rax, [rel on_spurious]
        mov     ecx, SPURIOUS_VECTOR
        call    set_gate
        lidt    [rel idt_pointer]
        mov     al, 0x11                ; the 8259s: vectors 20h and 28h, only the timer let through
        out     0x20, al
        out     0xa0, al
        mov     al, TIMER_VECTOR
        out     0x21, al
        mov     al, TIMER_VECTOR + 8
        out     0xa1, al
        mov     al, 4
        out     0x21, al
        mov     al, 2
        out     0xa1, al
        mov     al, 1
        out     0x21, al
        out     0xa1, al
        mov     al, 0xfe
        out     0x21, al
        mov     al, 0xff
        out     0xa1, al
        ret

on_breakpoint:
        inc     qword [rel breakpoints]
        iretq

on_timer:
        push    rax
        inc     qword [rel ticks]
        mov     al, 0x20
        out     0x20, al
        pop     rax
        iretq

on_apic_timer:
        push    rax
        inc     qword [rel apic_ticks]
        mov     eax, LAPIC
        mov     dword [rax + 0xb0], 0
        pop     rax
        iretq

on_spurious:
        iretq

; Maps the page that was missing to a page of its own, if it is where it should be.
on_page_fault:
        push    rax
        push    rdx
        mov     rax, cr2
        mov     rdx, UNMAPPED
        cmp     rax, rdx
        jne     .wrong
        mov     rax, [rsp + 16]
        mov     [rel fault_code], rax
        mov     eax, extra_pdpt
        mov     qword [rax], 0x83       ; a 1 GiB page: physical 0
        or      rax, 3
        mov     [PML4 + 8 * (UNMAPPED >> 39)], rax
        inc     qword [rel faults]
        pop     rdx
        pop     rax
        add     rsp, 8
        iretq
.wrong: lea     rsi, [rel text_bad]
        call    print
        mov     al, 1
        out     0xf4, al                ; a test sees exit status 3
        cli
        hlt

; ---- what it shows

show_cpu:
        lea     rsi, [rel text_cpu]
        call    print
        mov     r8d, 0x80000002
.part:  mov     eax, r8d
        xor     ecx, ecx
        cpuid
        lea     rdi, [rel brand]
        mov     [rdi], eax
        mov     [rdi + 4], ebx
        mov     [rdi + 8], ecx
        mov     [rdi + 12], edx
        mov     rsi, rdi
        call    print
        inc     r8d
        cmp     r8d, 0x80000005
        jne     .part
        int3
        lea     rsi, [rel text_exception]
        call    print
        mov     rax, [rel breakpoints]
        call    print_number
        jmp     end_line

show_paging:
        lea     rsi, [rel text_paging]
        call    print
        mov     rax, UNMAPPED
        mov     rdx, [rax]              ; faults, is mapped, and reads low memory's first bytes
        mov     rax, [rel faults]
        call    print_number
        lea     rsi, [rel text_code]
        call    print
        mov     rax, [rel fault_code]
        call    print_number
        jmp     end_line

show_pit:
        lea     rsi, [rel text_pit]
        call    print
        mov     al, 0x34                ; counter 0, mode 2, 100 Hz
        out     0x43, al
        mov     ax, 11932
        out     0x40, al
        mov     al, ah
        out     0x40, al
        rdtsc
        shl     rdx, 32
        lea     r8, [rdx + rax]
        sti
.wait:  hlt
        cmp     qword [rel ticks], 10
        jb      .wait
        cli
        mov     al, 0xff
        out     0x21, al
        rdtsc
        shl     rdx, 32
        add     rax, rdx
        sub     rax, r8
        xor     edx, edx
        mov     ecx, 1000000
        div     rcx
        call    print_number
        lea     rsi, [rel text_million]
        jmp     print

show_apic_timer:
        lea     rsi, [rel text_apic]
        call    print
        mov     ebx, LAPIC
        mov     dword [rbx + 0xf0], 0x1ff
        mov     dword [rbx + 0x3e0], 0x0b       ; divide by 1
        mov     dword [rbx + 0x320], 0x20000 + APIC_VECTOR
        mov     dword [rbx + 0x380], 1000000
        sti
.wait:  hlt
        cmp     qword [rel apic_ticks], 20
        jb      .wait
        cli
        mov     dword [rbx + 0x380], 0
        mov     rax, [rel apic_ticks]
        call    print_number
        jmp     end_line

; Starts all other processors and lets each count itself.
show_processors:
        lea     rsi, [rel text_processors]
        call    print
        lea     rsi, [rel trampoline]
        mov     edi, TRAMPOLINE
        mov     ecx, trampoline_end - trampoline
        rep movsb
        mov     eax, 1
        xor     ecx, ecx
        cpuid
        mov     eax, 0xb                ; leaf 0Bh, level 1: logical processors of the package
        mov     ecx, 1
        cpuid
        movzx   r9d, bx
        mov     ebx, LAPIC
        mov     dword [rbx + 0x300], 0xc4500    ; INIT to all others
        mov     dword [rbx + 0x300], 0xc4600 + (TRAMPOLINE >> 12)
.wait:  pause
        cmp     [rel processors], r9
        jb      .wait
        mov     rax, [rel processors]
        call    print_number
        jmp     end_line

        bits    16
trampoline:
        cli
        mov     ax, cs
        mov     ds, ax
        lgdt    [gdt32_pointer - trampoline]
        mov     eax, 1
        mov     cr0, eax
        jmp     dword 0x18:(processor_start)
gdt32_pointer:
        dw      gdt_end - gdt - 1
        dd      gdt
trampoline_end:

        bits    32
processor_start:
        mov     ax, 0x10
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     eax, 0x1000             ; a stack of its own
        lock xadd [stack_offset], eax
        mov     esp, STACKS
        sub     esp, eax
        call    enter_long_mode
        bits    64
        lock inc qword [rel processors]
.idle:  cli
        hlt
        jmp     .idle

show_clock:
        lea     rsi, [rel text_clock]
        call    print
        mov     al, 0x32
        call    clock_register
        mov     al, 9
        call    clock_register
        mov     al, '-'
        call    put
        mov     al, 8
        call    clock_register
        mov     al, '-'
        call    put
        mov     al, 7
        call    clock_register
        jmp     end_line

clock_register:
        out     0x70, al
        in      al, 0x71
        jmp     print_bcd

end_line:
        mov     al, 13
        call    put
        mov     al, 10
        jmp     put

; ---- off: RSDP → XSDT → FADT → PM1a control block

power_off:
        mov     ebx, 0xe0000
        mov     rax, 'RSD PTR '
.scan:  cmp     [rbx], rax
        je      .root
        add     ebx, 16
        cmp     ebx, 0x100000
        jb      .scan
        jmp     .fail
.root:  mov     rsi, [rbx + 24]
        mov     ecx, [rsi + 4]
        sub     ecx, 36
        shr     ecx, 3
.table: mov     rdi, [rsi + 36]
        cmp     dword [rdi], 'FACP'
        je      .found
        add     rsi, 8
        loop    .table
.fail:  mov     al, 2
        out     0xf4, al
        hlt
.found: mov     dx, [rdi + 64]
        mov     ax, 0x2000 + (5 << 10)
        out     dx, ax
        cli
        hlt

        align   8
gdt:    dq      0
        dq      0x00af9b000000ffff      ; 08: 64-bit code
        dq      0x00cf93000000ffff      ; 10: data
        dq      0x00cf9b000000ffff      ; 18: 32-bit code
gdt_end:
gdt_pointer:
        dw      gdt_end - gdt - 1
        dq      gdt
idt_pointer:
        dw      256 * 16 - 1
        dq      idt

text_hello:      db "Jitvmm demonstration kernel: 64-bit mode", 13, 10, 0
text_cpu:        db "processor:   ", 0
text_exception:  db ", breakpoint exceptions: ", 0
text_paging:     db "paging:      page faults served: ", 0
text_code:       db ", error code ", 0
text_pit:        db "timer:       ten 10 ms interrupts took ", 0
text_million:    db " million clock ticks", 13, 10, 0
text_apic:       db "local APIC:  interrupts each millisecond: ", 0
text_processors: db "processors:  running: ", 0
text_clock:      db "clock:       ", 0
text_off:        db "powering off", 13, 10, 0
text_bad:        db "unexpected page fault", 13, 10, 0
brand:           times 17 db 0
        align   8
ticks:           dq 0
apic_ticks:      dq 0
breakpoints:     dq 0
faults:          dq 0
fault_code:      dq 0
processors:      dq 1
stack_offset:    dd 0x1000
        align   8
image_end:

        absolute 0x208000
idt:        resb 4096
extra_pdpt: resb 4096
bss_end:
