using System.Runtime.InteropServices;

namespace Jitvmm.Tests.Semantics;

/// <summary>
/// The host CPU as an oracle: one x87 instruction wrapped in machine code that loads an FXSAVE image and RFLAGS,
/// runs it, and saves both again. No instruction that could report #MF runs in between, so unmasked exceptions
/// stay pending in the saved image.
/// </summary>
public sealed unsafe class NativeX87 : IDisposable
{
    /// <summary>Offset in the state block of RFLAGS to run with; the 512 bytes before are the FXSAVE image.</summary>
    public const int FlagsIn = 520;

    /// <summary>Offset in the state block of RFLAGS afterwards.</summary>
    public const int FlagsOut = 512;

    /// <summary>Offset in the state block of RAX, in and out.</summary>
    public const int Rax = 528;

    /// <summary>Offset in the state block of RDX, in and out.</summary>
    public const int Rdx = 536;

    public const int StateSize = 576;

    private const int PageSize = 4096;
    private readonly byte* _page;

    /// <param name="instruction">Its bytes; a memory operand is at [RSI].</param>
    public NativeX87(ReadOnlySpan<byte> instruction)
    {
        ReadOnlySpan<byte> before =
        [
            0xff, 0xb7, 0x08, 0x02, 0x00, 0x00, 0x9d, // push qword [rdi+520]; popfq
            0x48, 0x0f, 0xae, 0x0f, // fxrstor64 [rdi]
            0x48, 0x8b, 0x87, 0x10, 0x02, 0x00, 0x00, // mov rax, [rdi+528]
            0x48, 0x8b, 0x97, 0x18, 0x02, 0x00, 0x00, // mov rdx, [rdi+536]
        ];
        ReadOnlySpan<byte> after =
        [
            0x48, 0x0f, 0xae, 0x07, // fxsave64 [rdi]
            0x9c, 0x8f, 0x87, 0x00, 0x02, 0x00, 0x00, // pushfq; pop qword [rdi+512]
            0x48, 0x89, 0x87, 0x10, 0x02, 0x00, 0x00, // mov [rdi+528], rax
            0x48, 0x89, 0x97, 0x18, 0x02, 0x00, 0x00, // mov [rdi+536], rdx
            0xdb, 0xe3, // fninit
            0xc3, // ret
        ];

        _page = (byte*)mmap(null, PageSize, 3, 0x22, -1, 0);
        if (_page == (byte*)-1)
        {
            throw new InvalidOperationException("mmap failed");
        }

        Span<byte> page = new(_page, PageSize);
        before.CopyTo(page);
        instruction.CopyTo(page[before.Length..]);
        after.CopyTo(page[(before.Length + instruction.Length)..]);
        Address = (ulong)_page + (ulong)before.Length;
        if (mprotect(_page, PageSize, 5) != 0)
        {
            throw new InvalidOperationException("mprotect failed");
        }
    }

    public static bool IsSupported =>
        OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <summary>Where the instruction is, as the last-instruction pointer shows it.</summary>
    public ulong Address { get; }

    /// <param name="state"><see cref="StateSize"/> bytes, 64-byte aligned.</param>
    /// <param name="memory">The memory operand.</param>
    public void Run(byte* state, byte* memory) =>
        ((delegate* unmanaged[SuppressGCTransition]<byte*, byte*, void>)_page)(state, memory);

    public void Dispose() => munmap(_page, PageSize);

    [DllImport("libc")]
    private static extern void* mmap(void* address, nuint length, int protection, int flags, int fd, nint offset);

    [DllImport("libc")]
    private static extern int mprotect(void* address, nuint length, int protection);

    [DllImport("libc")]
    private static extern int munmap(void* address, nuint length);
}
