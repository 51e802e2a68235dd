using System.Runtime.CompilerServices;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Runtime.Memory;

/// <summary>
/// The memory of a process guest: one reserved window of host addresses, guest address A at
/// <c>HostBase + A</c>, and one <see cref="PageAccess"/> byte per guest page.
/// </summary>
/// <remarks>
/// Only addresses below <see cref="Limit"/> exist. Whoever turns a guest address into a host pointer must
/// have compared it with <see cref="Limit"/> first; that comparison is the isolation boundary. Guard pages
/// on both sides of the window absorb accesses of up to <see cref="GuardSize"/> bytes that start inside it.
/// Mapping changes are serialised by <see cref="Gate"/>; page bytes may be read without it.
/// </remarks>
public sealed unsafe class AddressSpace : IDisposable
{
    public const int PageShift = 12;
    public const ulong PageSize = 1ul << PageShift;

    /// <summary>Bits of a guest address: 64 TiB, half of what a Linux process may see; leaves room for the host itself.</summary>
    public const int AddressBits = 46;

    /// <summary>First address past the guest's memory.</summary>
    public const ulong Limit = 1ul << AddressBits;

    public const ulong GuardSize = 1ul << 32;

    private const ulong PageCount = Limit >> PageShift;

    private byte* _reservation;

    public AddressSpace()
    {
        _reservation = HostMemory.Reserve(Limit + 2 * GuardSize);
        HostBase = _reservation + GuardSize;
        Pages = HostMemory.ReserveZeroed(PageCount);
    }

    /// <summary>Host address of guest address 0.</summary>
    public byte* HostBase { get; }

    /// <summary>One <see cref="PageAccess"/> byte per guest page, indexed by address &gt;&gt; 12. Sparse: untouched parts cost nothing.</summary>
    public byte* Pages { get; }

    /// <summary>Held while the mappings or page bytes change.</summary>
    public Lock Gate { get; } = new();

    /// <summary>Raised, under <see cref="Gate"/>, before bytes of pages marked <see cref="PageAccess.Code"/> change or their mapping goes: (address, length in bytes).</summary>
    public Action<ulong, ulong>? CodeChanged { get; set; }

    /// <summary>Whether [address, address + length) lies in the window. True for length 0 at a valid address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool InWindow(ulong address, ulong length) => address < Limit && length <= Limit - address;

    public PageAccess AccessOf(ulong address) => address < Limit ? (PageAccess)Pages[address >> PageShift] : PageAccess.None;

    /// <summary>Whether every page of the range has all of <paramref name="access"/>.</summary>
    public bool Allows(ulong address, ulong length, PageAccess access)
    {
        if (!InWindow(address, length))
        {
            return false;
        }

        if (length == 0)
        {
            return true;
        }

        ulong last = (address + length - 1) >> PageShift;
        for (ulong page = address >> PageShift; page <= last; page++)
        {
            if (((PageAccess)Pages[page] & access) != access)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// Records new guest permissions for whole pages after the host mapping was changed by the caller, which
    /// holds <see cref="Gate"/>. Drops the <see cref="PageAccess.Code"/> mark; call <see cref="InvalidateCode"/> first.
    /// </summary>
    public void SetAccess(ulong address, ulong length, PageAccess access)
    {
        ulong first = address >> PageShift;
        ulong count = (length + PageSize - 1) >> PageShift;
        if (access == PageAccess.None && count > 1 << 16)
        {
            // Give the page bytes of a large hole back to the host instead of touching them.
            HostMemory.Discard(Pages + first, count);
            return;
        }

        for (ulong done = 0; done < count;)
        {
            uint chunk = (uint)Math.Min(count - done, 1u << 30);
            Unsafe.InitBlockUnaligned(Pages + first + done, (byte)access, chunk);
            done += chunk;
        }
    }

    /// <summary>
    /// Must be called before the VMM itself (a system call, a device) writes guest memory, and before a
    /// mapping is replaced: throws away translations made from the range.
    /// </summary>
    public void InvalidateCode(ulong address, ulong length)
    {
        if (length == 0 || !InWindow(address, length))
        {
            return;
        }

        ulong last = (address + length - 1) >> PageShift;
        for (ulong page = address >> PageShift; page <= last; page++)
        {
            if ((Pages[page] & (byte)PageAccess.Code) != 0)
            {
                lock (Gate)
                {
                    CodeChanged?.Invoke(address, length);
                }

                return;
            }
        }
    }

    public void Dispose()
    {
        if (_reservation != null)
        {
            HostMemory.Release(_reservation, Limit + 2 * GuardSize);
            HostMemory.Release(Pages, PageCount);
            _reservation = null;
        }
    }
}
