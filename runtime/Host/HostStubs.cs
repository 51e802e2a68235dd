using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Jitvmm.Runtime.Host;

/// <summary>The machine code of HostStubs.asm, placed in executable memory, and the data page it refers to.</summary>
internal static unsafe partial class HostStubs
{
    /// <summary>Guest threads of one process; enough for what a process may create (see <c>ProcessLimits</c>).</summary>
    internal const int MaxThreads = 4096;

    internal const int MaxWindows = 16;

    private const int DataOffset = 0x1000;
    private const int TotalSize = 0x2000;

    private static readonly byte* s_base = Place();

    internal static int* Gate => (int*)(s_base + DataOffset);

    internal static int* ThreadCount => (int*)(s_base + DataOffset + 4);

    internal static HostThread* Threads => *(HostThread**)(s_base + DataOffset + 8);

    /// <summary>Signals a native handler leaves blocked until the one it recorded has been delivered.</summary>
    internal static ulong* SignalMask => (ulong*)(s_base + DataOffset + 16);

    internal static int* WindowCount => (int*)(s_base + DataOffset + 24);

    /// <summary>Threads of CoreCLR's that have blocked the guest's signals on request.</summary>
    internal static int* BlockedCount => (int*)(s_base + DataOffset + 28);

    /// <summary>CoreCLR's handler per signal number.</summary>
    internal static nint* Chain => (nint*)(s_base + DataOffset + 32);

    /// <summary>Pairs of first and past-the-end host address.</summary>
    internal static ulong* Windows => (ulong*)(s_base + DataOffset + 560);

    internal static delegate* unmanaged<long, ulong*, long> RawCall => (delegate* unmanaged<long, ulong*, long>)Entry(0);

    internal static delegate* unmanaged<HostThread*, long, ulong*, long> BlockingCall => (delegate* unmanaged<HostThread*, long, ulong*, long>)Entry(1);

    internal static delegate* unmanaged<HostThread*, void> WaitAtGate => (delegate* unmanaged<HostThread*, void>)Entry(2);

    internal static delegate* unmanaged[SuppressGCTransition]<void*, void*, long, int> Copy => (delegate* unmanaged[SuppressGCTransition]<void*, void*, long, int>)Entry(3);

    internal static nint FaultHandler => Entry(4);

    internal static nint SignalHandler => Entry(5);

    internal static nint SharedHandler => Entry(6);

    internal static nint Restorer => Entry(7);

    internal static delegate* unmanaged<ulong*, long, long> ForkCall => (delegate* unmanaged<ulong*, long, long>)Entry(8);

    internal static delegate* unmanaged[SuppressGCTransition]<void*, int, long, int> Fill => (delegate* unmanaged[SuppressGCTransition]<void*, int, long, int>)Entry(9);

    internal static delegate* unmanaged[SuppressGCTransition]<int*, int*, int, int> CompareExchange => (delegate* unmanaged[SuppressGCTransition]<int*, int*, int, int>)Entry(10);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint Entry(int index) => (nint)(s_base + 8 * index);

    private static byte* Place()
    {
        ReadOnlySpan<byte> code = Code;
        byte* page = HostMemory.ReserveZeroed(TotalSize);
        code.CopyTo(new Span<byte>(page, DataOffset));
        if (Protect(page, DataOffset, 5) != 0)
        {
            throw new InvalidOperationException($"The host refused executable memory (error {Marshal.GetLastSystemError()}).");
        }

        *(byte**)(page + DataOffset + 8) = HostMemory.ReserveZeroed((ulong)MaxThreads * HostThread.Size);
        return page;
    }

    [DllImport("libc", EntryPoint = "mprotect")]
    private static extern int Protect(void* address, nuint length, int protection);
}
