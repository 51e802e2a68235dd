; The guest's vDSO: a shared object the C library finds through AT_SYSINFO_EHDR (vdso(7)). Its functions are
; plain system calls, which the VMM answers from the host's own vDSO without entering the host kernel.
; Rebuild Vdso.g.cs with runtime/Host/assemble.

bits 64
default rel
org 0

%macro symbol 3                  ; name offset, value, size
    dd %1
    db 0x12, 0                   ; STB_GLOBAL, STT_FUNC
    dw 7                         ; section index of the text
    dq %2
    dq %3
%endmacro

; --- ELF header ---
header:
    db 0x7f, "ELF", 2, 1, 1, 0
    dq 0
    dw 3, 62                     ; ET_DYN, x86-64
    dd 1
    dq 0                         ; entry
    dq program_headers
    dq 0
    dd 0
    dw 64, 56, 2, 64, 0, 0

program_headers:
    dd 1, 5                      ; PT_LOAD, read and execute
    dq 0, 0, 0
    dq image_end, image_end, 0x1000
    dd 2, 4                      ; PT_DYNAMIC
    dq dynamic, dynamic, dynamic
    dq dynamic_end - dynamic, dynamic_end - dynamic, 8

; --- symbols ---
    align 8
symbols:
    times 24 db 0
    symbol name_clock_gettime - strings, clock_gettime, clock_gettime_end - clock_gettime
    symbol name_gettimeofday - strings, gettimeofday, gettimeofday_end - gettimeofday
    symbol name_time - strings, time_, time_end - time_
    symbol name_getcpu - strings, getcpu, getcpu_end - getcpu
    symbol name_clock_getres - strings, clock_getres, clock_getres_end - clock_getres

strings:
    db 0
name_clock_gettime: db "__vdso_clock_gettime", 0
name_gettimeofday:  db "__vdso_gettimeofday", 0
name_time:          db "__vdso_time", 0
name_getcpu:        db "__vdso_getcpu", 0
name_clock_getres:  db "__vdso_clock_getres", 0
name_object:        db "linux-vdso.so.1", 0
name_version:       db "LINUX_2.6", 0
strings_end:

; One bucket, every symbol in its chain.
    align 8
hash:
    dd 1, 6
    dd 1
    dd 0, 2, 3, 4, 5, 0

    align 2
versions:
    dw 0, 2, 2, 2, 2, 2

; Version 1 is the object itself, version 2 is LINUX_2.6.
    align 8
version_definitions:
    dw 1, 1, 1, 1
    dd 0x0deebfa1, 20, 28
    dd name_object - strings, 0
    dw 1, 0, 2, 1
    dd 0x03ae75f6, 20, 0
    dd name_version - strings, 0

    align 8
dynamic:
    dq 14, name_object - strings ; DT_SONAME
    dq 4, hash                   ; DT_HASH
    dq 5, strings                ; DT_STRTAB
    dq 6, symbols                ; DT_SYMTAB
    dq 10, strings_end - strings ; DT_STRSZ
    dq 11, 24                    ; DT_SYMENT
    dq 0x6ffffff0, versions      ; DT_VERSYM
    dq 0x6ffffffc, version_definitions
    dq 0x6ffffffd, 2             ; DT_VERDEFNUM
    dq 0, 0
dynamic_end:

; --- text ---
    align 16
clock_gettime:
    mov     eax, 228
    syscall
    ret
clock_gettime_end:

    align 16
gettimeofday:
    mov     eax, 96
    syscall
    ret
gettimeofday_end:

    align 16
time_:
    mov     eax, 201
    syscall
    ret
time_end:

    align 16
getcpu:
    mov     eax, 309
    syscall
    ret
getcpu_end:

    align 16
clock_getres:
    mov     eax, 229
    syscall
    ret
clock_getres_end:
image_end:
