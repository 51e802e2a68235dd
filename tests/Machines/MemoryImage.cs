using Jitvmm.Runtime.Memory;

namespace Jitvmm.Tests.Machines;

/// <summary>What a machine that stands still has in its memory, to be put into another.</summary>
/// <param name="memory">Of the machine.</param>
/// <param name="size">Addresses below this are looked at.</param>
internal sealed class MemoryImage(PhysicalMemory memory, ulong size)
{
    private readonly Dictionary<ulong, byte[]> _pages = Copy(memory, size);

    public void PutInto(PhysicalMemory other)
    {
        byte[] empty = new byte[GuestPages.PageSize];
        for (ulong address = 0; address < size; address += GuestPages.PageSize)
        {
            // ROM refuses, and is what it was.
            _ = other.Write(address, _pages.GetValueOrDefault(address, empty));
        }
    }

    private static Dictionary<ulong, byte[]> Copy(PhysicalMemory memory, ulong size)
    {
        Dictionary<ulong, byte[]> pages = [];
        for (ulong address = 0; address < size; address += GuestPages.PageSize)
        {
            byte[] page = new byte[GuestPages.PageSize];
            if (memory.Read(address, page) && page.AsSpan().ContainsAnyExcept((byte)0))
            {
                pages.Add(address, page);
            }
        }

        return pages;
    }
}
