using System.Runtime.InteropServices;

namespace Jitvmm.Runtime.Host;

/// <summary>What the native stubs know of one host thread that runs guest code. Layout shared with HostStubs.asm.</summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
public unsafe struct HostThread
{
    internal const int Size = 1280;
    public const int QueueSlots = 8;
    public const int SignalInfoSize = 128;

    /// <summary>Kernel thread id; 0 when the record is free.</summary>
    [FieldOffset(0)] public volatile int Tid;

    /// <summary>1 while the thread is inside a system call stub or parked: it touches no managed state.</summary>
    [FieldOffset(4)] public volatile int InNative;

    /// <summary>Not 0 when a blocking call must not start: something waits for the thread's attention.</summary>
    [FieldOffset(8)] public volatile int Interrupt;

    /// <summary>Number of the signal whose siginfo is in <see cref="Info"/>; 0 when none.</summary>
    [FieldOffset(12)] public volatile int Pending;

    /// <summary>The vCPU's exit request, set by the signal handler; null when the thread has no vCPU.</summary>
    [FieldOffset(16)] public int* ExitRequest;

    [FieldOffset(24)] internal ulong FaultAddress;
    [FieldOffset(32)] internal uint FaultError;
    [FieldOffset(36)] internal int FaultKind;

    /// <summary>Set by a kick (<see cref="HostSignals.Kick"/>); cleared by the thread itself.</summary>
    [FieldOffset(40)] public volatile int Kicked;

    [FieldOffset(44)] public volatile int QueueHead;
    [FieldOffset(48)] public volatile int QueueTail;

    /// <summary>MXCSR at the fault; handlers start with a fresh one.</summary>
    [FieldOffset(52)] internal uint FaultMxcsr;
    [FieldOffset(64)] public fixed byte Info[SignalInfoSize];

    /// <summary>Ring of siginfos of signals that the host leaves unblocked because CoreCLR uses them.</summary>
    [FieldOffset(192)] public fixed byte Queue[QueueSlots * SignalInfoSize];
}
