using System.Runtime.InteropServices;

namespace Jitvmm.Linux.Signals;

/// <summary>The kernel's <c>siginfo_t</c> on x86-64; which of the overlapping fields apply depends on signal and code.</summary>
[StructLayout(LayoutKind.Explicit, Size = 128)]
public struct SignalInfo
{
    public const int User = 0;
    public const int Kernel = 0x80;
    public const int Queue = -1;
    public const int ThreadKill = -6;

    [FieldOffset(0)] public int Signal;
    [FieldOffset(4)] public int Error;
    [FieldOffset(8)] public int Code;
    [FieldOffset(16)] public int Pid;
    [FieldOffset(20)] public uint Uid;
    [FieldOffset(24)] public ulong Value;

    /// <summary>Faulting address of SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGTRAP.</summary>
    [FieldOffset(16)] public ulong Address;
}
