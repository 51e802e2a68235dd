using System.Text;
using Jitvmm.Devices.Firmware;
using Jitvmm.Devices.Processors;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Loading;

/// <summary>Guest memory as loaders fill it: every piece is checked to lie in RAM, and pieces do not overlap the kernel.</summary>
internal sealed class BootMemory(PhysicalMemory memory, MemoryMap map)
{
    public const int CommandLineLimit = 0x10000;

    /// <summary>What loaders leave in low memory: 64 KiB of information, then the command line. Boot tables are below, in <see cref="BootTables"/>.</summary>
    private const ulong LowAreaLength = 0x20000;

    private static readonly ulong[] s_lowAreas = [0x10000, 0x30000, 0x50000, 0x70000];

    private readonly List<(ulong Start, ulong End)> _kernel = [];

    /// <summary>First address behind the loaded kernel.</summary>
    public ulong KernelEnd { get; private set; }

    public MemoryMap Map => map;

    /// <summary>Where a loader leaves what it tells the kernel: low memory that the kernel, loaded before this is asked, leaves free.</summary>
    /// <exception cref="BootException">It leaves none.</exception>
    public ulong InformationAddress
    {
        get
        {
            foreach (ulong area in s_lowAreas)
            {
                if (!_kernel.Exists(piece => piece.Start < area + LowAreaLength && area < piece.End))
                {
                    return area;
                }
            }

            throw new BootException("the kernel fills the low memory that the loader needs");
        }
    }

    /// <summary>Places a piece of the kernel, with zeroes up to its size in memory.</summary>
    /// <exception cref="BootException">It is not in RAM.</exception>
    public void LoadKernel(ulong address, ReadOnlySpan<byte> content, ulong memorySize)
    {
        ulong size = Math.Max(memorySize, (ulong)content.Length);
        ulong end = address + size;
        if (address < AddressMap.OneMegabyte && end > AddressMap.LowMemoryEnd)
        {
            throw new BootException($"the kernel wants to be at {address:x}h, where there is no memory");
        }

        if (end < address || end > map.RamBelow4G)
        {
            throw new BootException($"the kernel needs memory up to {(end + 0xfffff) >> 20} MiB; the machine has {map.RamBelow4G >> 20} MiB there (--memory)");
        }

        if (address <= BootTables.GdtAddress + BootTables.GdtLimit && end > BootTables.GdtAddress)
        {
            throw new BootException($"the kernel wants to be at {address:x}h, which the loader needs");
        }

        // RAM is zero from the start.
        Write(address, content);
        _kernel.Add((address, end));
        KernelEnd = Math.Max(KernelEnd, end);
    }

    /// <summary>Keeps memory behind the kernel free for its own start.</summary>
    public void ReserveKernel(ulong end) => KernelEnd = Math.Max(KernelEnd, end);

    /// <summary>Places the initial RAM disk as high as it may be; its address.</summary>
    /// <exception cref="BootException">It does not fit.</exception>
    public ulong LoadInitrd(ReadOnlySpan<byte> content, ulong highestAddress)
    {
        ulong top = Math.Min(map.RamBelow4G, highestAddress + 1);
        ulong address = (top - Math.Min(top, (ulong)content.Length)) & ~0xffful;
        if (address < KernelEnd)
        {
            ulong needed = (KernelEnd + (ulong)content.Length + 0x1fffff) >> 20;
            throw new BootException($"memory is too small for kernel and initrd: at least {needed} MiB are needed (--memory)");
        }

        Write(address, content);
        return address;
    }

    /// <summary>Places the command line, ended by a zero byte.</summary>
    /// <exception cref="BootException">It is too long.</exception>
    public ulong LoadCommandLine(string commandLine, int limit)
    {
        byte[] bytes = [.. Encoding.UTF8.GetBytes(commandLine), 0];
        if (bytes.Length > Math.Min(limit + 1, CommandLineLimit))
        {
            throw new BootException($"the kernel command line has {bytes.Length - 1} bytes; this kernel takes {Math.Min(limit, CommandLineLimit - 1)}");
        }

        ulong address = InformationAddress + LowAreaLength - CommandLineLimit;
        Write(address, bytes);
        return address;
    }

    public void Write(ulong address, ReadOnlySpan<byte> content)
    {
        if (!memory.Write(address, content))
        {
            throw new BootException($"nothing can be loaded at {address:x}h: no memory there");
        }
    }
}
