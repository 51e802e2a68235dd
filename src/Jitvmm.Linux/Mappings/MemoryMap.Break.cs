using Jitvmm.Runtime.Memory;

namespace Jitvmm.Linux.Mappings;

/// <content>The program break.</content>
public sealed unsafe partial class MemoryMap
{
    private static readonly MappedFile s_heap = new("[heap]", 0, 0);

    /// <summary>Starts the heap, empty, at the first page past the program.</summary>
    internal void StartBreak(ulong address)
    {
        _breakStart = (address + PageMask) & ~PageMask;
        _break = _breakStart;
    }

    /// <summary>brk(2): the new break, or the old one when it cannot move.</summary>
    public ulong SetBreak(ulong address)
    {
        lock (_memory.Gate)
        {
            if (address < _breakStart || address >= AddressSpace.Limit || address - _breakStart > DataLimit)
            {
                return _break;
            }

            ulong oldEnd = (_break + PageMask) & ~PageMask;
            ulong newEnd = (address + PageMask) & ~PageMask;
            if (newEnd < oldEnd)
            {
                if (UnmapLocked(newEnd, oldEnd - newEnd) != 0)
                {
                    return _break;
                }
            }
            else if (newEnd > oldEnd)
            {
                long result = Map(oldEnd, newEnd - oldEnd, PageAccess.Read | PageAccess.Write, MapPrivate | MapAnonymous | MapFixedNoReplace, -1, 0, s_heap);
                if (result < 0)
                {
                    return _break;
                }
            }

            _break = address;
            return address;
        }
    }
}
