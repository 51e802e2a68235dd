using System.Runtime.InteropServices;

namespace Jitvmm.Runtime.Host;

/// <summary>
/// Forks the host process with CoreCLR in it. The child has only the calling thread; its other threads' stacks
/// stay, as memory, because the garbage collector still walks them.
/// </summary>
/// <remarks>
/// The caller has stopped every guest thread in native code. Threads of the VMM's own must be idle too, holding
/// no lock: whoever has one registers in <see cref="Before"/>, and starts it again in <see cref="InChild"/>.
/// The process must run with DOTNET_EnableWriteXorExecute=0, or JIT memory is shared with the child.
/// </remarks>
public static unsafe class HostFork
{
    private const long SysSignalMask = 14;
    private const long SysClone = 56;
    private const ulong ChildSetTid = 0x01000000;
    private const ulong ChildClearTid = 0x00200000;
    private const int ThreadDescriptorSize = 0x900;

    private static long s_tidOffset = -1;

    /// <summary>Runs in the parent before a fork: park your thread.</summary>
    public static Action? Before { get; set; }

    /// <summary>Runs in the parent after a fork, failed ones included.</summary>
    public static Action? InParent { get; set; }

    /// <summary>Runs in the child, single-threaded.</summary>
    public static Action? InChild { get; set; }

    /// <summary>The child's process id, 0 in the child, or a negated error.</summary>
    /// <param name="exitSignal">Signal the parent gets when the child ends; 0 = none.</param>
    /// <param name="inChild">Runs first in the child, with every signal blocked.</param>
    /// <param name="state">Its argument.</param>
    public static int Fork<T>(int exitSignal, delegate*<T, void> inChild, T state)
        where T : class
    {
        Before?.Invoke();
        ulong descriptor = (ulong)ThreadSelf();
        ulong tidAddress = descriptor + (ulong)TidOffset((int*)descriptor);
        ulong all = ulong.MaxValue;
        ulong old = 0;
        _ = HostCalls.Raw(SysSignalMask, 0, (ulong)&all, (ulong)&old, 8);

        // The C library keeps the thread's id in its descriptor, and CoreCLR signals threads by it.
        long pid = HostCalls.Fork(SysClone, ChildSetTid | ChildClearTid | (uint)exitSignal, 0, 0, tidAddress, 0);
        if (pid == 0)
        {
            HostThreads.KeepOnlyCurrent();
            Volatile.Write(ref HostCalls.Gate, 0);
            inChild(state);
            InChild?.Invoke();
        }

        _ = HostCalls.Raw(SysSignalMask, 2, (ulong)&old, 0, 8);
        if (pid != 0)
        {
            InParent?.Invoke();
        }

        return (int)pid;
    }

    /// <summary>Where the C library's thread descriptor has the thread id: found, since it has no name.</summary>
    private static long TidOffset(int* descriptor)
    {
        if (s_tidOffset < 0)
        {
            int tid = (int)HostCalls.Raw(HostCalls.GetTid);
            for (int i = 0; i < ThreadDescriptorSize / sizeof(int); i++)
            {
                if (descriptor[i] == tid)
                {
                    s_tidOffset = i * sizeof(int);
                    return s_tidOffset;
                }
            }

            throw new PlatformNotSupportedException("The C library's thread descriptor does not hold the thread id.");
        }

        return s_tidOffset;
    }

    [DllImport("libc", EntryPoint = "pthread_self")]
    private static extern nint ThreadSelf();
}
