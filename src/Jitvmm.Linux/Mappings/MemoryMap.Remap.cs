using Jitvmm.Runtime.Host;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Linux.Mappings;

/// <content>mremap(2). The host must never see a hole in the guest's window, where it could place memory of the VMM's.</content>
public sealed unsafe partial class MemoryMap
{
    private const int RemapMayMove = 1;
    private const int RemapFixed = 2;
    private const int RemapDontUnmap = 4;

    public long Remap(ulong old, ulong oldLength, ulong newLength, int flags, ulong wanted)
    {
        ulong oldSize = (oldLength + PageMask) & ~PageMask;
        ulong newSize = (newLength + PageMask) & ~PageMask;
        if (!RemapArgumentsValid(old, oldSize, newSize, flags, wanted))
        {
            return -Errno.EINVAL;
        }

        lock (_memory.Gate)
        {
            Vma? area = _areas.Find(old);
            if (area == null || oldSize > area.End - old)
            {
                return -Errno.EFAULT;
            }

            if (oldSize == 0 && !area.IsShared)
            {
                return -Errno.EINVAL;
            }

            bool mustMove = (flags & (RemapFixed | RemapDontUnmap)) != 0 || oldSize == 0;
            if (!mustMove)
            {
                if (newSize <= oldSize)
                {
                    return newSize < oldSize && UnmapLocked(old + newSize, oldSize - newSize) is long error and < 0 ? error : (long)old;
                }

                if (area.IsAnonymous && !area.IsShared && old + oldSize == area.End
                    && AddressSpace.InWindow(old, newSize) && _areas.IsFree(area.End, old + newSize))
                {
                    return Extend(area, area.End, old + newSize, area.Offset + area.Length) is long error and < 0 ? error : (long)old;
                }
            }

            return (flags & RemapMayMove) == 0 ? -Errno.ENOMEM : Move(area, old, oldSize, newSize, flags, wanted);
        }
    }

    private static bool RemapArgumentsValid(ulong old, ulong oldSize, ulong newSize, int flags, ulong wanted)
    {
        if ((flags & ~7) != 0 || (old & PageMask) != 0 || newSize == 0 || !AddressSpace.InWindow(old, oldSize) || newSize > AddressSpace.Limit)
        {
            return false;
        }

        if ((flags & (RemapFixed | RemapDontUnmap)) != 0 && (flags & RemapMayMove) == 0)
        {
            return false;
        }

        if ((flags & RemapDontUnmap) != 0 && oldSize != newSize)
        {
            return false;
        }

        return (flags & RemapFixed) == 0
            || ((wanted & PageMask) == 0 && wanted >= LinuxLayout.MinAddress && AddressSpace.InWindow(wanted, newSize)
                && (wanted >= old + oldSize || wanted + newSize <= old));
    }

    private long Move(Vma area, ulong old, ulong oldSize, ulong newSize, int flags, ulong wanted)
    {
        bool keepOld = (flags & RemapDontUnmap) != 0 || oldSize == 0;
        if (keepOld && oldSize != 0 && (!area.IsAnonymous || area.IsShared))
        {
            return -Errno.EINVAL;
        }

        long place = Place(wanted, newSize, (flags & RemapFixed) != 0 ? MapFixed : 0);
        if (place < 0)
        {
            return place;
        }

        ulong start = (ulong)place;
        ulong moved = Math.Min(oldSize, newSize);
        ulong offset = area.Offset + (old - area.Start);
        Vma target = new(start, start + newSize, area.Access, area.Flags, area.File, offset);
        if (newSize > oldSize && !MayCharge(target, start, start + newSize))
        {
            return -Errno.ENOMEM;
        }

        _memory.InvalidateCode(old, oldSize);
        _memory.InvalidateCode(start, newSize);
        long result = area.IsShared
            ? HostCalls.Raw(SysMremap, Host(old), 0, newSize, RemapMayMove | RemapFixed, Host(start))
            : MovePrivate(area, old, moved, start, newSize);
        if (result < 0 && result > -4096)
        {
            return result;
        }

        _areas.Remove(start, start + newSize);
        if (!keepOld)
        {
            result = UnmapLocked(old, oldSize);
            if (result < 0)
            {
                return result;
            }
        }

        RetranslateAliases(target);
        _areas.Add(target);
        _memory.SetAccess(start, newSize, PageBytes(area.Access));
        return (long)start;
    }

    /// <summary>Moves private pages, leaving the old range mapped and empty, and maps what the new range has beyond them.</summary>
    private long MovePrivate(Vma area, ulong old, ulong moved, ulong start, ulong newSize)
    {
        if (newSize > moved)
        {
            long extension = Extend(area, start + moved, start + newSize, area.Offset + (old - area.Start) + moved, record: false);
            if (extension < 0)
            {
                return extension;
            }
        }

        long result = HostCalls.Raw(SysMremap, Host(old), moved, moved, RemapMayMove | RemapFixed | RemapDontUnmap, Host(start));
        if (result != -Errno.EFAULT || !area.IsAnonymous || (area.Access & PageAccess.Write) == 0)
        {
            return result;
        }

        // The host keeps as several mappings what is one here, and moves only one at a time: copy.
        result = MapHost(start, moved, area.Access, MapPrivate, -1, 0);
        return result == 0 && !HostCalls.TryCopy((void*)Host(start), (void*)Host(old), moved) ? -Errno.EFAULT : result;
    }

    /// <summary>Maps [from, to) as a continuation of <paramref name="area"/>.</summary>
    private long Extend(Vma area, ulong from, ulong to, ulong offset, bool record = true)
    {
        Vma extension = new(from, to, area.Access, area.Flags, area.File, offset);
        if (record && !MayCharge(extension, from, to))
        {
            return -Errno.ENOMEM;
        }

        int fd = -1;
        if (!area.IsAnonymous)
        {
            fd = Reopen(area.File);
            if (fd < 0)
            {
                return -Errno.ENOMEM;
            }
        }

        long result = MapHost(from, to - from, area.Access, area.IsShared ? MapShared : MapPrivate, fd, area.IsAnonymous ? 0 : offset);
        if (fd >= 0)
        {
            _ = HostCalls.Raw(3, (ulong)fd);
        }

        if (result == 0 && record)
        {
            _areas.Add(extension);
            _memory.SetAccess(from, to - from, PageBytes(area.Access));
        }

        return result;
    }

    /// <summary>Opens the file of a private mapping again to map more of it; negative when it is no longer there.</summary>
    private static int Reopen(MappedFile? file)
    {
        if (file?.HostPath == null)
        {
            return -1;
        }

        byte[] path = MappedFile.BytesOf(file.HostPath + "\0");
        fixed (byte* p = path)
        {
            long fd = HostCalls.Raw(2, (ulong)p, 0x80000);
            if (fd < 0)
            {
                return -1;
            }

            // struct stat begins with st_dev, st_ino.
            ulong* stat = stackalloc ulong[18];
            if (HostCalls.Raw(5, (ulong)fd, (ulong)stat) == 0 && stat[0] == file.Device && stat[1] == file.Inode)
            {
                return (int)fd;
            }

            _ = HostCalls.Raw(3, (ulong)fd);
            return -1;
        }
    }
}
