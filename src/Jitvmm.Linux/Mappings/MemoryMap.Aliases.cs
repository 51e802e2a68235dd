using Jitvmm.Runtime.Memory;

namespace Jitvmm.Linux.Mappings;

/// <content>
/// Memory mapped twice, as just-in-time compilers do that keep no page writable and executable at once: what is written at one
/// address is executed at the other. Only this process's own mappings count; code that another process writes into shared
/// memory is seen when it is mapped or protected anew.
/// </content>
public sealed unsafe partial class MemoryMap
{
    /// <summary>The other pages that show a page's file, shared.</summary>
    private ulong[] AliasesOf(ulong page)
    {
        ulong address = page << AddressSpace.PageShift;
        if (_areas.Find(address) is not { File.Inode: not 0 } area)
        {
            return [];
        }

        ulong offset = area.Offset + (address - area.Start);
        List<ulong>? aliases = null;
        for (int i = 0; i < _areas.Count; i++)
        {
            Vma other = _areas[i];
            if (other != area && other.IsShared && IsSameFile(area, other) && offset - other.Offset < other.Length)
            {
                (aliases ??= []).Add((other.Start + (offset - other.Offset)) >> AddressSpace.PageShift);
            }
        }

        return aliases == null ? [] : [.. aliases];
    }

    /// <summary>A mapping is about to appear through which code may be changed: translations made before do not know of it.</summary>
    private void RetranslateAliases(Vma added)
    {
        if (!added.IsShared || added.File is not { Inode: not 0 })
        {
            return;
        }

        for (int i = 0; i < _areas.Count; i++)
        {
            Vma other = _areas[i];
            if (IsSameFile(added, other) && other.Offset < added.Offset + added.Length && added.Offset < other.Offset + other.Length)
            {
                _memory.InvalidateCode(other.Start, other.Length);
            }
        }
    }

    private static bool IsSameFile(Vma one, Vma other) =>
        other.File is { } file && file.Inode == one.File!.Inode && file.Device == one.File.Device;
}
