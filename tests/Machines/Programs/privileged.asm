; Privileged sequences, one after another from the reset vector, for comparison with another emulator step by step. No instruction here leaves a status flag
; undefined but AF, none depends on time or on the model of the processor, and segment limits are not passed: the peer does not check them.
; Assembled with: nasm -f bin. 64 KiB, at F0000h and below 4 GiB.

BASE    equ 0xf0000
STACK   equ 0x7000
GDT     equ 0x1000
IDT     equ 0x2000
TSS     equ 0x3000
RESUME  equ 0x4000              ; where the handlers of exceptions go on
COUNT   equ 0x4004
PAGES   equ 0x10000             ; page tables

        bits 16
        org 0

start:
        cli
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, STACK
; Real mode: interrupts, flags, far transfers, segment loads.
        mov word [0x60*4], real_handler
        mov word [0x60*4+2], cs
        stc
        int 0x60
        pushf
        pop ax
        push word 0x3002
        popf
        pushf
        pop bx
        sti
        nop
        cli
        push cs
        call near real_far
        call 0xf000:real_far
        mov dword [0x500], 0x12345678
        lds si, [0x500]
        xor ax, ax
        mov ds, ax
        smsw cx
        sgdt [0x508]
        mov ax, [0x508]
; Protected mode.
        mov esi, gdt
        mov edi, GDT
        mov ecx, gdt_end - gdt
copy:   mov al, [cs:si]
        mov [di], al
        inc si
        inc di
        loop copy
        o32 lgdt [cs:gdt_pointer]
        o32 lidt [cs:idt_pointer]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword 8:BASE+protected
real_handler:
        inc dx
        pushf
        pop bp
        iret
real_far:
        inc cx
        retf

        bits 32
%macro faulting 1+
        mov dword [RESUME], BASE+%%next
        %1
%%next:
%endmacro

protected:
        mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov fs, ax
        mov gs, ax
        mov esp, STACK
; An IDT of 32 gates to stubs of 16 bytes each, one for user code, one task-independent.
        mov edi, IDT
        mov ebx, BASE+stubs
        mov ecx, 32
.gates: mov eax, ebx
        and eax, 0xffff
        or eax, 0x80000
        mov [edi], eax
        mov eax, ebx
        and eax, 0xffff0000
        or eax, 0x8e00
        mov [edi+4], eax
        add edi, 8
        add ebx, 16
        dec ecx
        jnz .gates
        mov word [IDT+0x30*8], system_call
        mov word [IDT+0x30*8+2], 8
        mov dword [IDT+0x30*8+4], BASE+0xee00
        mov dword [TSS+4], 0x6000
        mov dword [TSS+8], 0x10
        mov word [TSS+0x66], 0x68
        mov ax, 0x28
        ltr ax
        str bx
        sldt cx
        lar edx, eax
        lsl esi, eax
        mov eax, [GDT+0x28+4]
        mov ax, 0x18
        verr ax
        verw ax
        mov bx, 3
        arpl ax, bx
        lar edx, ebx
; Exceptions and their error codes.
        faulting ud2
        mov ax, [es:0]
        mov ax, 0x48
        faulting mov ds, ax
        mov ax, 0x40
        faulting mov ds, ax
        mov ax, 0x50
        faulting mov es, ax
        xor eax, eax
        faulting mov ss, ax
        mov ax, 0x1b
        faulting mov ss, ax
        mov ax, 8
        faulting mov ss, ax
        faulting jmp 0x10:0
        faulting jmp 0x40:0
        faulting call 0x100:0
        faulting int 0x70
        faulting lldt ax
        faulting ltr ax
        mov ax, 0x2000
        faulting ltr ax
        mov eax, 1
        xor edx, edx
        xor ecx, ecx
        faulting div ecx
        int3
        mov al, 0x7f
        add al, 1
        into
        xor eax, eax
        mov es, ax
        mov eax, 0x10
        mov es, ax
; Ring 3, and back through a gate, an interrupt and a call gate.
        push dword 0x23
        push dword 0x6800
        pushfd
        push dword 0x1b
        push dword BASE+user
        iretd
user:   mov ax, 0x23
        mov ds, ax
        mov es, ax
        faulting cli
        faulting hlt
        faulting mov eax, cr0
        faulting in al, 0x80
        faulting lgdt [0]
        mov ax, 0x10
        faulting mov ds, ax
        faulting int 0x20
        pushfd
        or dword [esp], 0x3200
        popfd
        pushfd
        pop ebx
        smsw ecx
        str edx
        int 0x30
        push dword 0x1111
        push dword 0x2222
        call 0x33:0
        mov eax, ds
        xor eax, eax
        mov fs, ax
        mov dword [RESUME], BASE+paging
        ud2
gate:   mov eax, [esp+8]
        mov ecx, [esp+20]
        mov eax, cs
        mov edx, ss
        retf 8
system_call:
        inc dword [COUNT]
        mov eax, [esp+4]
        iretd

; Paging: the first 4 MiB by small pages, the next by a large one.
paging: mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esp, STACK
        mov edi, PAGES
        mov dword [edi], PAGES+0x1000+7
        mov dword [edi+4], 0x87
        lea ebx, [edi+0x1000]
        mov eax, 7
.fill:  mov [ebx], eax
        add ebx, 4
        add eax, 0x1000
        cmp ebx, PAGES+0x2000
        jne .fill
        and dword [PAGES+0x1000+0x80*4], ~4     ; 80000h: the supervisor's
        and dword [PAGES+0x1000+0x81*4], ~2     ; 81000h: read-only
        mov dword [PAGES+0x1000+0x82*4], 0      ; 82000h: not there
        mov eax, cr4
        or eax, 0x10
        mov cr4, eax
        mov eax, PAGES
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        mov dword [0x83000], 5
        mov eax, [PAGES+0x1000+0x83*4]
        mov eax, [0x84000]
        mov eax, [PAGES+0x1000+0x84*4]
        mov [0x81000], eax
        faulting mov eax, [0x82000]
        mov eax, cr2
        faulting mov dword [0x82004], 1
        mov eax, cr0
        or eax, 0x10000
        mov cr0, eax
        faulting mov dword [0x81008], 1
        mov eax, [0x400000]
        mov eax, [PAGES+4]
        mov dword [PAGES+0x1000+0x82*4], 0x83007
        invlpg [0x82000]
        mov eax, [0x82000]
        push dword 0x23
        push dword 0x6800
        pushfd
        push dword 0x1b
        push dword BASE+user_pages
        iretd
user_pages:
        mov ax, 0x23
        mov ds, ax
        mov es, ax
        faulting mov eax, [0x80000]
        faulting mov dword [0x80000], 1
        faulting mov dword [0x81000], 1
        mov eax, [0x81000]
        mov dword [RESUME], BASE+long_mode
        ud2

; Long mode: 1 GiB in large pages, user pages in the second 2 MiB.
long_mode:
        mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esp, STACK
        mov eax, cr0
        and eax, 0x7fffffff
        mov cr0, eax
        mov edi, PAGES
        xor eax, eax
        mov ecx, 0x3000/4
        rep stosd
        mov dword [PAGES], PAGES+0x1007
        mov dword [PAGES+0x1000], PAGES+0x2007
        mov dword [PAGES+0x2000], 0x87
        mov dword [PAGES+0x2008], 0x200087
        mov dword [PAGES+0x2010], 0x200083
        mov dword [PAGES+0x2018], 0x200087
        mov dword [PAGES+0x201c], 0x80000000
        mov eax, 0x20
        mov cr4, eax
        mov eax, PAGES
        mov cr3, eax
        mov ecx, 0xc0000080
        rdmsr
        or eax, 0x901
        wrmsr
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        jmp 0x38:BASE+wide

        bits 64
wide:   mov rsp, STACK
        mov edi, IDT
        mov ebx, BASE+wide_stubs
        mov ecx, 32
.gates: movzx eax, bx
        or eax, 0x380000
        mov [rdi], eax
        mov eax, ebx
        and eax, 0xffff0000
        or eax, 0x8e00
        mov [rdi+4], eax
        mov qword [rdi+8], 0
        add edi, 16
        add ebx, 16
        dec ecx
        jnz .gates
        mov byte [IDT+8*16+4], 1
        lidt [abs BASE+wide_idt]
        mov qword [TSS+4], 0x6000
        mov qword [TSS+36], 0x5000
        mov dword [GDT+0x28+4], 0x8900
        mov qword [GDT+0x30], 0
        mov eax, 0x28
        ltr ax
        mov rax, 0x123456789abcdef0
        mov cr2, rax
        mov rcx, cr2
        mov rax, cr8
        mov eax, 5
        mov cr8, rax
        mov rdx, cr8
        xor eax, eax
        mov cr8, rax
        mov ss, ax
        mov ds, ax
        mov es, ax
%macro wide_faulting 1+
        mov dword [abs RESUME], BASE+%%next
        %1
%%next:
%endmacro
        wide_faulting ud2
        mov rax, 0x800000000000
        wide_faulting mov rbx, [rax]
        wide_faulting mov [rax+8], rbx
        mov eax, 0x800000
        wide_faulting mov rbx, [rax]
        wide_faulting mov [rax], rbx
        wide_faulting call rax
        mov eax, 0x600000
        mov byte [rax], 0xc3
        wide_faulting call rax
        mov eax, 0x1c
        wide_faulting mov ss, ax
        mov eax, 0x40
        wide_faulting mov ds, ax
        mov eax, 0x10
        mov ds, ax
        mov ecx, 0xc0000100
        mov eax, 0x1000
        xor edx, edx
        wrmsr
        mov rbx, [fs:8]
        mov ecx, 0xc0000102
        mov eax, 0x12345678
        wrmsr
        swapgs
        mov ecx, 0xc0000101
        rdmsr
        swapgs
; SYSCALL and SYSRET.
        mov ecx, 0xc0000081
        xor eax, eax
        mov edx, 0x00580038
        wrmsr
        mov ecx, 0xc0000082
        mov eax, BASE+entered
        xor edx, edx
        wrmsr
        mov ecx, 0xc0000084
        mov eax, 0x47700
        wrmsr
        mov ecx, BASE+outside
        mov r11d, 0x202
        cli
        o64 sysret
outside:
        wide_faulting cli
        wide_faulting mov rax, cr3
        wide_faulting swapgs
        mov eax, 0x400000
        wide_faulting mov rbx, [rax]
        mov rsp, 0x200800
        std
        syscall
        cld
        mov dword [abs RESUME], BASE+finished
        ud2
entered:
        mov rax, rsp
        mov ebx, ss
        pushfq
        pop rdx
        o64 sysret
finished:
        mov eax, ss
        mov ebx, cs
        pushfq
        pop rcx
        hlt

; The handlers of exceptions: each says its number and goes on at RESUME, in ring 0 or where it was.
        align 16
stubs:
%assign vector 0
%rep 32
        bits 32
        align 16
%if vector = 3 || vector = 4
        push byte vector
        add esp, 4
        iretd
%else
%if vector = 8 || (vector >= 10 && vector <= 14)
        nop
        nop
%else
        push byte 0
%endif
        push byte vector
        jmp strict near handler
%endif
%assign vector vector+1
%endrep
handler:
        push eax
        push ds
        mov eax, 0x10
        mov ds, ax
        mov eax, [esp+12]
        inc dword [COUNT]
        mov eax, [RESUME]
        mov [esp+16], eax
        pop ds
        cmp eax, BASE+paging
        je inner
        cmp eax, BASE+long_mode
        je inner
        pop eax
        add esp, 8
        iretd
inner:  pop eax
        add esp, 8
        mov word [esp+4], 8
        and dword [esp+8], ~0x3000
        mov [0x4010], esp
        mov esp, [esp+12]
        mov esp, STACK
        pushfd
        push dword 8
        push dword [cs:RESUME]
        iretd

        align 16
wide_stubs:
%assign vector 0
%rep 32
        bits 64
        align 16
%if vector = 8 || (vector >= 10 && vector <= 14)
        nop
        nop
%else
        push byte 0
%endif
        push byte vector
        jmp strict near wide_handler
%assign vector vector+1
%endrep
wide_handler:
        push rax
        mov eax, [rsp+16]
        inc dword [abs COUNT]
        mov eax, [abs RESUME]
        mov [rsp+24], rax
        cmp eax, BASE+finished
        jne .same
        mov qword [rsp+32], 0x38
        mov qword [rsp+56], 0
        mov qword [rsp+48], STACK
.same:  pop rax
        add rsp, 16
        iretq

        align 8
gdt:    dq 0
        dq 0x00cf9b000000ffff           ; 08 code
        dq 0x00cf93000000ffff           ; 10 data
        dq 0x00cffb000000ffff           ; 18 user code
        dq 0x00cff3000000ffff           ; 20 user data
        dq 0x0000890030000067           ; 28 task
        dw gate, 8, 0xec02, BASE>>16     ; 30 call gate, two parameters
        dq 0x00af9b000000ffff           ; 38 64-bit code
        dq 0x00cf13000000ffff           ; 40 not present
        dq 0x000099000000ffff           ; 48 execute-only code
        dq 0x0000820000000000           ; 50 a local table
        dq 0                            ; 58
        dq 0x00cff3000000ffff           ; 60 user data, SYSRET's
        dq 0x00affb000000ffff           ; 68 64-bit user code, SYSRET's
gdt_end:
gdt_pointer:
        dw gdt_end - gdt - 1
        dd GDT
idt_pointer:
        dw 0x31*8-1
        dd IDT
wide_idt:
        dw 32*16-1
        dq IDT

        times 0xfff0-($-$$) db 0xf4
        bits 16
        jmp 0xf000:start
        times 0x10000-($-$$) db 0xf4
