using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>
/// A record that the guest placed at a linear address. Where that is is found out then, and for good: later, user code's page tables may be in use, which do not map it.
/// Under the domain's lock.
/// </summary>
internal sealed class XenArea(PhysicalMemory memory)
{
    /// <summary>Words of saved state.</summary>
    public const int StateLength = 4;

    private ulong _first;
    private int _firstLength;

    /// <summary>Where it goes on behind the end of the first page.</summary>
    private ulong _second;
    private int _secondLength;

    public bool IsPlaced => _firstLength != 0;

    /// <summary>False, and it is where it was: not all of it is in RAM.</summary>
    public bool TryPlace(in XenCall call, ulong address, int length)
    {
        int firstLength = Math.Min(length, GuestPages.BytesInPage(address));
        ulong second = 0;
        bool isThere = TryFind(call, address, firstLength, out ulong first) && (firstLength == length || TryFind(call, address + (uint)firstLength, length - firstLength, out second));
        if (isThere)
        {
            (_first, _firstLength, _second, _secondLength) = (first, firstLength, second, length - firstLength);
        }

        return isThere;
    }

    public void Remove() => _firstLength = _secondLength = 0;

    /// <summary>Fills it, with what of it there is room for.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        int firstLength = Math.Min(_firstLength, bytes.Length);
        _ = memory.Write(_first, bytes[..firstLength]);
        _ = memory.Write(_second, bytes.Slice(firstLength, Math.Min(_secondLength, bytes.Length - firstLength)));
    }

    public void Save(Span<ulong> words)
    {
        words[0] = _first;
        words[1] = (ulong)_firstLength;
        words[2] = _second;
        words[3] = (ulong)_secondLength;
    }

    /// <summary>False: it is no record's place.</summary>
    public bool TryRestore(ReadOnlySpan<ulong> words)
    {
        bool isPlace = words[1] <= GuestPages.PageSize && words[3] <= GuestPages.PageSize;
        (_first, _second) = (words[0], words[2]);
        (_firstLength, _secondLength) = isPlace ? ((int)words[1], (int)words[3]) : (0, 0);
        return isPlace;
    }

    private bool TryFind(in XenCall call, ulong address, int length, out ulong physical) =>
        call.TryTranslate(address, PageWalk.Write, out physical) && memory.Allows(physical, (ulong)length, PageAccess.Read | PageAccess.Write);
}
