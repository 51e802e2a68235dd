using System.Runtime.InteropServices;

namespace Jitvmm.Linux.Signals;

/// <summary>The kernel's <c>struct sigaction</c> on x86-64.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SignalAction
{
    /// <summary>Handlers that are not addresses: SIG_DFL and SIG_IGN.</summary>
    public const ulong Default = 0;
    public const ulong Ignore = 1;

    public const ulong NoChildStop = 1;
    public const ulong NoChildWait = 2;
    public const ulong Restorer = 0x04000000;
    public const ulong OnStack = 0x08000000;
    public const ulong Restart = 0x10000000;
    public const ulong NoDefer = 0x40000000;
    public const ulong ResetHandler = 0x80000000;

    public ulong Handler;
    public ulong Flags;
    public ulong RestorerAddress;
    public ulong Mask;

    public readonly bool IsHandled => Handler > Ignore;
}
