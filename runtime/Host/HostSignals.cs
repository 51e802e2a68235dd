using System.Runtime.InteropServices;

namespace Jitvmm.Runtime.Host;

/// <summary>What a signal does in the host process.</summary>
public enum SignalTarget
{
    /// <summary>The kernel's default action.</summary>
    Default,

    Ignore,

    /// <summary>Recorded in the receiving guest thread's <see cref="HostThread"/>, which leaves guest code at its next safepoint.</summary>
    Record,
}

/// <summary>The host's signal dispositions, by raw system calls: libc and CoreCLR must not see the guest's changes.</summary>
public static unsafe class HostSignals
{
    internal const int Segv = 11;
    internal const int Bus = 7;

    /// <summary>The signal CoreCLR interrupts threads with (SIGRTMIN of its C library); also carries <see cref="Kick"/>.</summary>
    public const int ClrSignal = 34;

    /// <summary>si_value of a kick. Shared with HostStubs.asm.</summary>
    private const ulong KickValue = 0x4b49434b;

    /// <summary>si_value that makes a thread block the guest's signals. Shared with HostStubs.asm.</summary>
    private const ulong BlockValue = 0x4b434c42;

    private const long OpenFile = 2;
    private const long CloseFile = 3;
    private const long SetSignalMask = 14;
    private const long Sleep = 35;
    private const long ReadDirectory = 217;

    /// <summary>si_value of a guest's tgkill of <see cref="ClrSignal"/> to its own process. Shared with HostStubs.asm.</summary>
    public const ulong DirectedValue = 0x44495254;

    private const ulong FlagSignalInfo = 4;
    private const ulong FlagOnStack = 0x08000000;
    private const ulong FlagRestorer = 0x04000000;

    /// <summary>Signals the host never blocks and whose handlers stay CoreCLR's: SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGRTMIN.</summary>
    public const ulong Unblockable = 1ul << 3 | 1ul << 4 | 1ul << 6 | 1ul << 7 | 1ul << 10 | 1ul << 33;

    /// <summary>Every signal the guest can block and the host mirrors.</summary>
    public const ulong Mirrored = ~(Unblockable | 1ul << 8 | 1ul << 18);

    private static bool s_shared;

    /// <summary>Takes the signals shared with CoreCLR, and makes recorded ones block the rest until delivery. Idempotent.</summary>
    public static void Install()
    {
        HostFaults.Install();
        if (s_shared)
        {
            return;
        }

        s_shared = true;
        *HostStubs.SignalMask = Mirrored;
        ChainHandler(4, HostStubs.SharedHandler);
        ChainHandler(5, HostStubs.SharedHandler);
        ChainHandler(8, HostStubs.SharedHandler);
        ChainHandler(ClrSignal, HostStubs.SharedHandler);
        BlockInOtherThreads();
    }

    /// <summary>Keeps the guest's signals away from the calling thread, which runs no guest code.</summary>
    public static void BlockInThisThread()
    {
        ulong mask = Mirrored;
        _ = HostCalls.Raw(SetSignalMask, 0, (ulong)&mask, 0, 8);
    }

    /// <summary>The kernel's disposition of a mirrored signal.</summary>
    /// <param name="signal">Not one of <see cref="Unblockable"/>.</param>
    /// <param name="target">What happens when it arrives.</param>
    /// <param name="flags">SA_NOCLDSTOP and SA_NOCLDWAIT as the guest gave them.</param>
    public static void Set(int signal, SignalTarget target, ulong flags)
    {
        KernelAction action = default;
        action.Handler = target switch
        {
            SignalTarget.Default => 0,
            SignalTarget.Ignore => 1,
            _ => HostStubs.SignalHandler,
        };
        action.Flags = (flags & 3) | FlagSignalInfo | FlagRestorer;
        action.Restorer = HostStubs.Restorer;
        action.Mask = Mirrored;
        _ = HostCalls.Raw(HostCalls.SetSignalAction, (ulong)signal, (ulong)&action, 0, 8);
    }

    /// <summary>Whether the host ignores a signal now.</summary>
    public static bool IsIgnored(int signal)
    {
        KernelAction action = default;
        return HostCalls.Raw(HostCalls.SetSignalAction, (ulong)signal, 0, (ulong)&action, 8) == 0 && action.Handler == 1;
    }

    /// <summary>Makes a guest thread's blocking call end and its vCPU exit, without a guest signal.</summary>
    public static void Kick(int tid)
    {
        _ = SendMarked(tid, KickValue);
    }

    /// <summary>Restores the default action of any signal, CoreCLR's own included: for dying of it.</summary>
    public static void SetDefault(int signal)
    {
        KernelAction action = default;
        _ = HostCalls.Raw(HostCalls.SetSignalAction, (ulong)signal, (ulong)&action, 0, 8);
    }

    private static long SendMarked(int tid, ulong value)
    {
        byte* info = stackalloc byte[HostThread.SignalInfoSize];
        NativeMemory.Clear(info, HostThread.SignalInfoSize);
        ulong pid = (ulong)HostCalls.Raw(HostCalls.GetPid);
        *(int*)info = ClrSignal;
        *(int*)(info + 8) = -1;
        *(int*)(info + 16) = (int)pid;
        *(ulong*)(info + 24) = value;
        return HostCalls.Raw(HostCalls.QueueThreadSignal, pid, (ulong)tid, ClrSignal, (ulong)info);
    }

    /// <summary>
    /// Makes the threads CoreCLR has by now block the guest's signals: a signal to the process must reach a guest
    /// thread at once. Threads that come later pass on what they get, and block it from then on.
    /// </summary>
    private static void BlockInOtherThreads()
    {
        const int BufferSize = 4096;
        const int MaxWaits = 1000;
        byte* buffer = stackalloc byte[BufferSize];
        long directory;
        fixed (byte* path = "/proc/self/task\0"u8)
        {
            directory = HostCalls.Raw(OpenFile, (ulong)path, 0x90000);
        }

        int self = (int)HostCalls.Raw(HostCalls.GetTid);
        int sent = 0;
        long count;
        while (directory >= 0 && (count = HostCalls.Raw(ReadDirectory, (ulong)directory, (ulong)buffer, BufferSize)) > 0)
        {
            for (long at = 0; at < count; at += *(ushort*)(buffer + at + 16))
            {
                // struct linux_dirent64: the name is at 19, the record's length at 16.
                ReadOnlySpan<byte> name = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(buffer + at + 19);
                if (System.Buffers.Text.Utf8Parser.TryParse(name, out int tid, out _) && tid != self && SendMarked(tid, BlockValue) == 0)
                {
                    sent++;
                }
            }
        }

        _ = HostCalls.Raw(CloseFile, (ulong)directory);
        long* time = stackalloc long[2] { 0, 10_000 };
        for (int i = 0; i < MaxWaits && Volatile.Read(ref *HostStubs.BlockedCount) < sent; i++)
        {
            _ = HostCalls.Raw(Sleep, (ulong)time);
        }
    }

    /// <summary>Puts a native handler before the one in place.</summary>
    internal static void ChainHandler(int signal, nint handler)
    {
        KernelAction old = default;
        _ = HostCalls.Raw(HostCalls.SetSignalAction, (ulong)signal, 0, (ulong)&old, 8);

        HostStubs.Chain[signal] = old.Handler;
        KernelAction action = default;
        action.Handler = handler;
        // No SA_RESTART: a kick must end a blocking call. CoreCLR copes with EINTR.
        // The alternate stack only where CoreCLR has it: its thread interruption walks stacks and overflows that one.
        action.Flags = FlagSignalInfo | FlagRestorer | (old.Flags & FlagOnStack);
        action.Restorer = HostStubs.Restorer;
        action.Mask = old.Mask | Mirrored;
        _ = HostCalls.Raw(HostCalls.SetSignalAction, (ulong)signal, (ulong)&action, 0, 8);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct KernelAction
    {
        public nint Handler;
        public ulong Flags;
        public nint Restorer;
        public ulong Mask;
    }
}
