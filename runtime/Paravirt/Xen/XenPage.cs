using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>A page that is Xen's, and that the guest sees at a place it chose, instead of what it had there. Without a place it is there all the same. Under the domain's lock.</summary>
internal sealed unsafe class XenPage(PhysicalMemory memory)
{
    public const int Words = (int)GuestPages.PageSize / sizeof(ulong);

    private const ulong Nowhere = ulong.MaxValue;

    private readonly byte[] _own = GC.AllocateArray<byte>((int)GuestPages.PageSize, true);

    private ulong _address = Nowhere;

    /// <summary>Where it is; null for nowhere.</summary>
    public ulong? Address => _address == Nowhere ? null : _address;

    /// <summary>Its bytes now. Any thread: RAM stays where it is and the array is pinned, so what this was remains readable behind a move.</summary>
    public byte* Bytes
    {
        get
        {
            ulong address = Volatile.Read(ref _address);

            // SAFETY: the array is pinned and lives as long as this.
            return address == Nowhere ? (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_own)) : memory.HostBase + address;
        }
    }

    public bool IsPlaced => _address != Nowhere;

    /// <summary>Moves it to a page of RAM, whose content it replaces.</summary>
    public void Place(ulong address)
    {
        byte* before = Bytes;
        if (_address != address)
        {
            // SAFETY: the caller has checked that the address is a page of RAM; both are whole pages.
            Buffer.MemoryCopy(before, memory.HostBase + address, GuestPages.PageSize, GuestPages.PageSize);
            Volatile.Write(ref _address, address);
            Written();
        }
    }

    /// <summary>Takes it away; what it held stays behind, too.</summary>
    public void Remove()
    {
        if (IsPlaced)
        {
            new ReadOnlySpan<byte>(Bytes, _own.Length).CopyTo(_own);
            Volatile.Write(ref _address, Nowhere);
        }
    }

    /// <summary>To be called behind writing <see cref="Bytes"/>: throws translations of them away.</summary>
    public void Written()
    {
        memory.InvalidateCode(_address, IsPlaced ? GuestPages.PageSize : 0);
    }

    /// <summary>Its place and content.</summary>
    public void Save(Span<ulong> words)
    {
        words[0] = _address;
        new ReadOnlySpan<ulong>(Bytes, Words).CopyTo(words[1..]);
    }

    /// <summary>False: it is at no place of this machine.</summary>
    public bool TryRestore(ReadOnlySpan<ulong> words, XenExtraPages extra)
    {
        Volatile.Write(ref _address, Nowhere);
        words.Slice(1, Words).CopyTo(MemoryMarshal.Cast<byte, ulong>(_own.AsSpan()));
        if (words[0] == Nowhere)
        {
            return true;
        }

        bool isThere = extra.TryHave(words[0]);
        if (isThere)
        {
            Place(words[0]);
        }

        return isThere;
    }
}
