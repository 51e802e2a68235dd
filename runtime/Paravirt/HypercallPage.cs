using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Paravirt;

/// <summary>
/// A page of code that the guest places and the VMM owns: whatever the guest's memory holds there, the VMM's code is what is translated, and the guest's bytes are never decoded.
/// </summary>
public sealed unsafe class HypercallPage
{
    private const ulong Nowhere = ulong.MaxValue;

    /// <summary>INT3: what is no entry traps, and no instruction goes on behind the page.</summary>
    internal const byte NoEntry = 0xcc;

    private readonly byte[] _code = GC.AllocateUninitializedArray<byte>((int)GuestPages.PageSize, true);
    private ulong _address = Nowhere;

    /// <param name="code">What the page begins with.</param>
    /// <param name="entryLength">Bytes between the entries of two numbers; 0 when one entry is for all.</param>
    public HypercallPage(ReadOnlySpan<byte> code, int entryLength = 0)
    {
        EntryLength = entryLength;
        _code.AsSpan().Fill(NoEntry);
        code.CopyTo(_code);
    }

    public ReadOnlySpan<byte> Code => _code;

    /// <summary>Bytes between the entries of two numbers, each of which sets its own; 0 when one entry is for all, with the caller's number.</summary>
    public int EntryLength { get; }

    /// <summary>Whether a physical address is in it. What is translated stays right when the call holds <see cref="GuestPages.Gate"/>.</summary>
    public bool Owns(ulong physical) => (physical & ~(GuestPages.PageSize - 1)) == Volatile.Read(ref _address);

    /// <summary>The code at an address in it, to the page's end.</summary>
    public byte* CodeAt(ulong physical)
    {
        // SAFETY: the array is pinned and lives as long as this.
        return (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_code)) + (physical & (GuestPages.PageSize - 1));
    }

    /// <summary>Puts it at the start of a page of RAM; null for nowhere. What was translated from either place is thrown away.</summary>
    public void Move(PhysicalMemory memory, ulong? address)
    {
        lock (memory.Gate)
        {
            ulong before = _address;
            Volatile.Write(ref _address, address ?? Nowhere);
            memory.InvalidateCode(before, before == Nowhere ? 0 : GuestPages.PageSize);
            memory.InvalidateCode(_address, address == null ? 0 : GuestPages.PageSize);
        }
    }
}
