; Random page tables of four levels, walked by random accesses from 64-bit code, for comparison with another emulator step by step: error codes, CR2, and the
; accessed and dirty bits, which are read back. No instruction leaves a status flag undefined but AF: random bits are moved by RORX.
; Assembled with: nasm -f bin -DSEED=number -DCASES=number. 64 KiB, at F0000h and below 4 GiB.

BASE    equ 0xf0000
STACK   equ 0x7000
GDT     equ 0x1000
IDT     equ 0x2000
TSS     equ 0x3000
PML4    equ 0x10000             ; entry 0: the program; entry 1: what is tested
POINTER equ 0x13000
FOLDER  equ 0x14000
TABLE   equ 0x15000
FRAME   equ 0x16000
LARGE   equ 0x400000            ; a frame of 2 MiB
TARGET  equ (1 << 39) | (1 << 21)
USER    equ 0x200000            ; user code, at physical 600000h

        bits 16
        org 0

start:
        cli
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, STACK
        mov esi, gdt
        mov edi, GDT
        mov ecx, gdt_end - gdt
copy:   mov al, [cs:si]
        mov [di], al
        inc si
        inc di
        loop copy
        o32 lgdt [cs:gdt_pointer]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword 8:BASE+protected

        bits 32
protected:
        mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esp, STACK
        mov dword [PML4], 0x11007
        mov dword [0x11000], 0x12007
        mov dword [0x12000], 0x83
        mov dword [0x12008], 0x600087
; Each place that the target may be holds INT 30h. So does the end of what user code does: read, write, fetch.
        mov word [FRAME], 0x30cd
        mov word [LARGE], 0x30cd
        mov word [0x200000], 0x30cd
        mov dword [0x600000], 0x30cd078a
        mov dword [0x600010], 0x30cd1788
        mov word [0x600020], 0xe7ff
        mov word [IDT+14*16], page_fault
        mov word [IDT+14*16+2], 0x18
        mov dword [IDT+14*16+4], BASE+0x8e00
        mov word [IDT+0x30*16], done
        mov word [IDT+0x30*16+2], 0x18
        mov dword [IDT+0x30*16+4], BASE+0xee00
        mov dword [TSS+4], 0x6000
        o32 lidt [BASE+idt_pointer]
        mov eax, 0x20
        mov cr4, eax
        mov eax, PML4
        mov cr3, eax
        mov ecx, 0xc0000080
        mov eax, 0x900
        xor edx, edx
        wrmsr
        mov eax, 0x80010011
        mov cr0, eax
        jmp 0x18:BASE+wide

        bits 64
        default abs
; Another entry: present, writable and for users mostly, other bits now and then; with bit 7 set it leads to a page that is aligned, or mostly is not.
%macro entry 3                  ; where, its next table, its large page
        call random
        rorx rcx, rax, 8
        mov rdx, rax
        or rdx, rcx
        rorx rcx, rax, 16
        or rdx, rcx
        and edx, 7
        rorx rcx, rax, 24
        and rcx, rax
        rorx rsi, rax, 37
        and rcx, rsi
        rorx rsi, rax, 11
        and rcx, rsi
        mov rsi, 0x8008000000000080
        and rcx, rsi
        or rdx, rcx
        mov ecx, %2
        test dl, 0x80
        jz %%table
        test eax, 0x4000
        jz %%table
        mov ecx, %3
%%table:
        or rdx, rcx
        mov [%1], rdx
%endmacro

wide:
        mov ax, 0x28
        ltr ax
        mov r15, SEED
        mov rbx, 0x9e3779b97f4a7c15
        mov r14d, CASES
        mov rdi, TARGET
next:
        mov rsp, STACK
        dec r14d
        js end
        entry PML4+8, POINTER, POINTER
        entry POINTER, FOLDER, 0
        entry FOLDER+8, TABLE, LARGE
        entry TABLE, FRAME, FRAME
; NXE, WP, SMEP and SMAP, AC.
        call random
        mov r12, rax
        mov ecx, 0xc0000080
        rdmsr
        and eax, ~0x800
        mov edx, r12d
        and edx, 0x800
        or eax, edx
        xor edx, edx
        wrmsr
        mov rax, cr0
        mov edx, r12d
        and eax, ~0x10000
        and edx, 0x10000
        or eax, edx
        mov cr0, rax
        mov eax, r12d
        and eax, 0x300000
        or eax, 0x20
        mov cr4, rax
        mov rax, cr3
        mov cr3, rax
        mov edx, r12d
        and edx, 0x40000
        or edx, 2
        push rdx
        popfq
        mov edx, 0xcd
        rorx r12, r12, 32
        and r12d, 7
        cmp r12d, 3
        jae user
        cmp r12d, 1
        jb .read
        je .write
        jmp rdi
.read:  mov al, [rdi]
        jmp done
.write: mov [rdi], dl
        jmp done
user:
        mov eax, USER
        cmp r12d, 5
        jb .go
        mov eax, USER+16
        je .go
        mov eax, USER+32
.go:    pushfq
        pop rcx
        push 0x23
        push 0x5000
        push rcx
        push 0x3b
        push rax
        iretq
page_fault:
; A reserved bit is found in a present entry, so bit 0 goes with bit 3 (SDM vol. 3A, 4.7): the peer leaves it clear.
        test byte [rsp], 8
        jz .code
        or byte [rsp], 1
.code:  pop rax
done:
        mov rsp, STACK
        push 2
        popfq
; A misaligned page of 1 GiB faults: the peer has marked its entry before, where the manual leaves the choice (SDM vol. 3A, 4.8).
        test byte [POINTER], 0x80
        jz .marks
        or byte [POINTER], 0x20
.marks: mov r8, [PML4+8]
        mov r9, [POINTER]
        mov r10, [FOLDER+8]
        mov r11, [TABLE]
        jmp next
end:
        hlt

random:
        rorx rax, r15, 23
        add r15, rax
        rorx rax, r15, 41
        xor r15, rax
        add r15, rbx
        mov rax, r15
        ret

        align 8
gdt:
        dq 0
        dq 0x00cf9b000000ffff
        dq 0x00cf93000000ffff
        dq 0x00af9b000000ffff
        dq 0x00cff3000000ffff
        dq 0x0000890030000067
        dq 0
        dq 0x00affb000000ffff
gdt_end:
gdt_pointer:
        dw gdt_end - gdt - 1
        dd GDT
idt_pointer:
        dw 0x31*16-1
        dd IDT

        times 0xfff0-($-$$) db 0x90
        bits 16
        jmp 0xf000:start
        times 0x10000-($-$$) db 0
