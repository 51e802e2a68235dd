using Jitvmm.Runtime.Host;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Linux.Mappings;

/// <content>System V shared memory: shmat and shmdt. The host counts a segment's attachments by its mappings.</content>
public sealed unsafe partial class MemoryMap
{
    internal const int AttachReadOnly = 0x1000;
    internal const int AttachRound = 0x2000;
    internal const int AttachReplace = 0x4000;
    internal const int AttachExecutable = 0x8000;

    private const long SysShmAt = 30;

    /// <summary>The kernel's internal file system segments live in, as /proc shows it: 00:01.</summary>
    private const ulong SegmentDevice = 1;

    /// <summary>Keeps the inode, an identifier, from being 0, which means no file.</summary>
    private const ulong SegmentInode = 1ul << 32;

    /// <summary>Attaches a segment.</summary>
    /// <param name="id">The host's identifier.</param>
    /// <param name="key">The guest's key, for the mapping's name.</param>
    /// <param name="length">Bytes of the segment.</param>
    /// <param name="address">Wanted address, or 0.</param>
    /// <param name="flags">SHM_*.</param>
    /// <returns>The address, or a negated error.</returns>
    internal long Attach(int id, int key, ulong length, ulong address, int flags)
    {
        ulong size = (length + PageMask) & ~PageMask;
        address = (flags & AttachRound) != 0 ? address & ~PageMask : address;
        bool replaces = (flags & AttachReplace) != 0;
        if ((address & PageMask) != 0 || (address == 0 && replaces) || size == 0 || size > AddressSpace.Limit)
        {
            return -Errno.EINVAL;
        }

        lock (_memory.Gate)
        {
            bool isFree = address == 0 || (address >= LinuxLayout.MinAddress && AddressSpace.InWindow(address, size)
                && (replaces || _areas.IsFree(address, address + size)));
            long place = isFree ? Place(address, size, address == 0 ? 0 : MapFixed) : -Errno.EINVAL;
            if (place < 0)
            {
                return place;
            }

            ulong start = (ulong)place;
            PageAccess access = PageAccess.Read
                | ((flags & AttachReadOnly) != 0 ? PageAccess.None : PageAccess.Write)
                | ((flags & AttachExecutable) != 0 ? PageAccess.Execute : PageAccess.None);
            MappedFile file = new($"/SYSV{key:x8} (deleted)", SegmentDevice, SegmentInode | (uint)id);
            Vma area = new(start, start + size, access, VmaFlags.Shared | VmaFlags.Anonymous, file, 0);
            if (!MayCharge(area, start, start + size))
            {
                return -Errno.ENOMEM;
            }

            _memory.InvalidateCode(start, size);

            // SAFETY: the segment's length does not change, so the host replaces [start, start + size) and nothing else.
            long result = HostCalls.Raw(SysShmAt, (ulong)id, Host(start), (ulong)((flags & AttachReadOnly) | AttachReplace));
            if (result is < 0 and > -4096)
            {
                return result;
            }

            _areas.Remove(start, start + size);
            RetranslateAliases(area);
            _areas.Add(area);
            _memory.SetAccess(start, size, PageBytes(access));
            return (long)start;
        }
    }

    /// <summary>Detaches the segment attached at an address, as far as it is still mapped.</summary>
    internal long Detach(ulong address)
    {
        lock (_memory.Gate)
        {
            if (_areas.Find(address) is not { File: { Device: SegmentDevice } file } first || first.Start - first.Offset != address)
            {
                return -Errno.EINVAL;
            }

            for (int i = _areas.Count - 1; i >= 0; i--)
            {
                Vma area = _areas[i];
                if (file.Equals(area.File) && area.Start - area.Offset == address && UnmapLocked(area.Start, area.Length) is var result and < 0)
                {
                    return result;
                }
            }

            return 0;
        }
    }
}
