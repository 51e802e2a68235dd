using System.Runtime.InteropServices;

namespace Jitvmm.Runtime.Host;

/// <summary>Host virtual memory by whole pages: reservations the guest's memory and the engine's tables live in.</summary>
public static unsafe partial class HostMemory
{
    private const int ProtNone = 0;
    private const int ProtReadWrite = 3;
    private const int MapPrivate = 2;
    private const int MapAnonymous = 0x20;
    private const int MapNoReserve = 0x4000;
    private const int AdviseDontNeed = 4;

    /// <summary>Reserves address space that nothing may touch until it is mapped over.</summary>
    public static byte* Reserve(ulong length) => Map(length, ProtNone);

    /// <summary>Reserves readable, writable, zero memory that costs host memory only where it is touched.</summary>
    public static byte* ReserveZeroed(ulong length) => Map(length, ProtReadWrite);

    /// <summary>Makes whole pages of a <see cref="Reserve"/>d range readable, writable and zero.</summary>
    public static void Commit(byte* address, ulong length)
    {
        if (Protect(address, (nuint)length, ProtReadWrite) != 0)
        {
            throw new InsufficientMemoryException($"The host refused {length >> 20} MiB of memory (error {Marshal.GetLastPInvokeError()}).");
        }
    }

    /// <summary>Makes a range of <see cref="ReserveZeroed"/> memory zero again and frees what whole pages it covers.</summary>
    public static void Discard(byte* address, ulong length)
    {
        const ulong PageMask = 4095;
        ulong start = (ulong)address;
        ulong end = start + length;
        ulong firstWhole = Math.Min((start + PageMask) & ~PageMask, end);
        ulong lastWhole = Math.Max(end & ~PageMask, firstWhole);
        NativeMemory.Clear((void*)start, (nuint)(firstWhole - start));
        if (lastWhole > firstWhole)
        {
            _ = Advise((void*)firstWhole, (nuint)(lastWhole - firstWhole), AdviseDontNeed);
        }

        NativeMemory.Clear((void*)lastWhole, (nuint)(end - lastWhole));
    }

    public static void Release(byte* address, ulong length) => _ = Unmap(address, (nuint)length);

    private static byte* Map(ulong length, int protection)
    {
        void* result = MapPages(null, (nuint)length, protection, MapPrivate | MapAnonymous | MapNoReserve, -1, 0);
        if ((nint)result == -1)
        {
            throw new InsufficientMemoryException($"The host refused to reserve {length >> 20} MiB of address space (error {Marshal.GetLastSystemError()}).");
        }

        return (byte*)result;
    }

    [DllImport("libc", EntryPoint = "mmap")]
    private static extern void* MapPages(void* address, nuint length, int protection, int flags, int fd, long offset);

    [DllImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static extern int Protect(void* address, nuint length, int protection);

    [DllImport("libc", EntryPoint = "munmap")]
    private static extern int Unmap(void* address, nuint length);

    [DllImport("libc", EntryPoint = "madvise")]
    private static extern int Advise(void* address, nuint length, int advice);
}
