using Jitvmm.Runtime.Host;

namespace Jitvmm.Linux;

/// <summary>How system call bodies reach the host kernel. Results are values or negated <see cref="Errno"/>s.</summary>
/// <remarks>
/// Pass guest memory as <see cref="GuestThread.HostPointer(ulong)"/>: the kernel checks the page itself and answers
/// EFAULT. Before the kernel writes guest memory, call <see cref="GuestThread.BeforeKernelWrite"/>.
/// </remarks>
public static class HostSyscall
{
    /// <summary>A call that does not wait for anybody else.</summary>
    public static long Raw(long number, ulong a0 = 0, ulong a1 = 0, ulong a2 = 0, ulong a3 = 0, ulong a4 = 0, ulong a5 = 0) =>
        HostCalls.Raw(number, a0, a1, a2, a3, a4, a5);

    /// <summary>
    /// A call that may wait. A guest signal ends it with -EINTR, or with -ERESTARTSYS when it was not begun;
    /// the body returns either unchanged, having had no effect. Hold no lock: other threads may fork meanwhile.
    /// </summary>
    public static unsafe long Blocking(GuestThread thread, long number, ulong a0 = 0, ulong a1 = 0, ulong a2 = 0, ulong a3 = 0, ulong a4 = 0, ulong a5 = 0) =>
        HostCalls.Blocking(thread.Host, number, a0, a1, a2, a3, a4, a5);
}
