; No libc: the bare system call interface.
global _start
section .text
_start:
    mov eax, 1
    mov edi, 1
    lea rsi, [rel message]
    mov edx, length
    syscall
    mov eax, 60
    mov edi, 42
    syscall
section .rodata
message: db "hello from assembly", 10
length equ $ - message
