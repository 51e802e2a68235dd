using Jitvmm.Runtime.Host;

namespace Jitvmm.Runtime.Memory;

/// <summary>
/// Guest pages in one reserved window of host addresses, guest address A at <c>HostBase + A</c>, with one
/// <see cref="PageAccess"/> byte per page: the virtual memory of a process guest, or the physical memory of a machine.
/// </summary>
/// <remarks>
/// Only addresses below <see cref="Size"/> exist. Whoever turns a guest address into a host pointer must have compared it
/// with that first; the comparison is the isolation boundary. Changes are serialised by <see cref="Gate"/>; page bytes may be read without it.
/// </remarks>
public abstract unsafe class GuestPages : IDisposable
{
    public const int PageShift = 12;
    public const ulong PageSize = 1ul << PageShift;

    private readonly ulong _guard;
    private byte* _reservation;

    /// <param name="size">Bytes of guest addresses.</param>
    /// <param name="guard">Bytes on both sides that nothing may touch.</param>
    protected GuestPages(ulong size, ulong guard)
    {
        Size = size;
        _guard = guard;
        _reservation = HostMemory.Reserve(size + 2 * guard);
        HostBase = _reservation + guard;
        Pages = HostMemory.ReserveZeroed(PageBytes);
    }

    /// <summary>First address past the guest's.</summary>
    public ulong Size { get; }

    /// <summary>Host address of guest address 0.</summary>
    public byte* HostBase { get; }

    /// <summary>One <see cref="PageAccess"/> byte per guest page, indexed by address &gt;&gt; 12. Sparse: untouched parts cost nothing.</summary>
    public byte* Pages { get; }

    /// <summary>Held while the mappings or page bytes change.</summary>
    public Lock Gate { get; } = new();

    /// <summary>
    /// Raised, under <see cref="Gate"/>, when bytes of pages marked <see cref="PageAccess.Code"/> changed or their mapping goes: (address, length in bytes, guest address of the
    /// instruction that stored, 0 when it was none).
    /// </summary>
    public Action<ulong, ulong, ulong>? CodeChanged { get; set; }

    /// <summary>Called, under <see cref="Gate"/>, with a page number: the numbers of other pages through which the same memory may be written.</summary>
    public Func<ulong, ulong[]>? AliasesOf { get; set; }

    /// <summary>Bytes from an address to the end of its page, at least 1.</summary>
    public static int BytesInPage(ulong address) => (int)(PageSize - (address & (PageSize - 1)));

    public PageAccess AccessOf(ulong address) => address < Size ? (PageAccess)Pages[address >> PageShift] & ~PageAccess.PlainWrite : PageAccess.None;

    /// <summary>Whether every page of the range has all of <paramref name="access"/>.</summary>
    public bool Allows(ulong address, ulong length, PageAccess access)
    {
        if (!Contains(address, length))
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

        // The page bytes are always mapped. .NET's own fill is compiled at run time, which every start would pay for.
        _ = HostCalls.TryFill(Pages + first, (byte)WithPlainWrite(access), count);
    }

    /// <summary>Says whether there are translations of a page, by its number. The caller holds <see cref="Gate"/>.</summary>
    public void MarkCode(ulong page, bool hasCode)
    {
        PageAccess access = (PageAccess)Pages[page];
        Pages[page] = (byte)WithPlainWrite(hasCode ? access | PageAccess.Code : access & ~PageAccess.Code);
    }

    /// <summary>
    /// Must be called after the VMM itself (a system call, a device) wrote guest memory, and when a mapping is replaced under
    /// <see cref="Gate"/>: throws away translations made from the range. After, not before: a vCPU may translate the old bytes until they are gone.
    /// </summary>
    /// <param name="address">Where the range starts.</param>
    /// <param name="length">Its bytes.</param>
    /// <param name="writer">Guest address of the instruction whose store it was; 0 when the VMM wrote.</param>
    public void InvalidateCode(ulong address, ulong length, ulong writer = 0)
    {
        if (length == 0 || !Contains(address, length))
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
                    CodeChanged?.Invoke(address, length, writer);
                }

                return;
            }
        }
    }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
        if (_reservation != null)
        {
            HostMemory.Release(_reservation, Size + 2 * _guard);
            HostMemory.Release(Pages, PageBytes);
            _reservation = null;
        }
    }

    /// <summary>One host page more than pages have bytes: compiled code compares where an access starts and looks at the page where it ends.</summary>
    private ulong PageBytes => (Size >> PageShift) + PageSize;

    private static PageAccess WithPlainWrite(PageAccess access) =>
        (access & (PageAccess.Write | PageAccess.Code)) == PageAccess.Write ? access | PageAccess.PlainWrite : access & ~PageAccess.PlainWrite;

    private bool Contains(ulong address, ulong length) => address < Size && length <= Size - address;
}
