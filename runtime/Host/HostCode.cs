using System.Runtime.InteropServices;

namespace Jitvmm.Runtime.Host;

/// <summary>Host instructions that .NET has no intrinsic for, as a few bytes of machine code in one executable page.</summary>
public static unsafe class HostCode
{
    // Each routine follows the System V calling convention; the assembly stands beside its bytes.
    private static readonly byte* s_page = Build();

    private static readonly delegate* unmanaged[SuppressGCTransition]<ulong*, ulong*, ulong*, ulong, ulong, int> s_compareExchange16 =
        (delegate* unmanaged[SuppressGCTransition]<ulong*, ulong*, ulong*, ulong, ulong, int>)s_page;

    private static readonly delegate* unmanaged[SuppressGCTransition]<uint, void> s_loadMxcsr =
        (delegate* unmanaged[SuppressGCTransition]<uint, void>)(s_page + 64);

    private static readonly delegate* unmanaged[SuppressGCTransition]<uint> s_storeMxcsr =
        (delegate* unmanaged[SuppressGCTransition]<uint>)(s_page + 80);

    private static readonly delegate* unmanaged[SuppressGCTransition]<ulong> s_timeStamp =
        (delegate* unmanaged[SuppressGCTransition]<ulong>)(s_page + 96);

    /// <summary>CMPXCHG16B on 16-byte aligned memory; the two words read come back through the pointers.</summary>
    public static bool CompareExchange16(ulong* target, ulong* low, ulong* high, ulong newLow, ulong newHigh) =>
        s_compareExchange16(target, low, high, newLow, newHigh) != 0;

    public static void LoadMxcsr(uint value) => s_loadMxcsr(value);

    public static uint StoreMxcsr() => s_storeMxcsr();

    public static ulong TimeStamp() => s_timeStamp();

    private static byte* Build()
    {
        const int ProtReadExecute = 5;
        byte* page = HostMemory.ReserveZeroed(4096);
        ReadOnlySpan<byte> compareExchange16 =
        [
            0x53,                         // push rbx
            0x49, 0x89, 0xD1,             // mov r9, rdx
            0x48, 0x8B, 0x06,             // mov rax, [rsi]
            0x49, 0x8B, 0x11,             // mov rdx, [r9]
            0x48, 0x89, 0xCB,             // mov rbx, rcx
            0x4C, 0x89, 0xC1,             // mov rcx, r8
            0xF0, 0x48, 0x0F, 0xC7, 0x0F, // lock cmpxchg16b [rdi]
            0x48, 0x89, 0x06,             // mov [rsi], rax
            0x49, 0x89, 0x11,             // mov [r9], rdx
            0x0F, 0x94, 0xC0,             // sete al
            0x0F, 0xB6, 0xC0,             // movzx eax, al
            0x5B,                         // pop rbx
            0xC3,                         // ret
        ];
        ReadOnlySpan<byte> loadMxcsr = [0x57, 0x0F, 0xAE, 0x14, 0x24, 0x5F, 0xC3]; // push rdi; ldmxcsr [rsp]; pop rdi; ret
        ReadOnlySpan<byte> storeMxcsr = [0x50, 0x0F, 0xAE, 0x1C, 0x24, 0x58, 0xC3]; // push rax; stmxcsr [rsp]; pop rax; ret
        ReadOnlySpan<byte> timeStamp = [0x0F, 0x31, 0x48, 0xC1, 0xE2, 0x20, 0x48, 0x09, 0xD0, 0xC3]; // rdtsc; shl rdx,32; or rax,rdx; ret
        compareExchange16.CopyTo(new Span<byte>(page, 64));
        loadMxcsr.CopyTo(new Span<byte>(page + 64, 16));
        storeMxcsr.CopyTo(new Span<byte>(page + 80, 16));
        timeStamp.CopyTo(new Span<byte>(page + 96, 16));
        if (ProtectPages(page, 4096, ProtReadExecute) != 0)
        {
            throw new InsufficientMemoryException("The host refuses executable memory.");
        }

        return page;
    }

    [DllImport("libc", EntryPoint = "mprotect")]
    private static extern int ProtectPages(void* address, nuint length, int protection);
}
