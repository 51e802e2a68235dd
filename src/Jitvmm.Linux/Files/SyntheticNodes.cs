namespace Jitvmm.Linux.Files;

/// <summary>A file whose contents are made when it is opened.</summary>
internal sealed class TextNode(ulong inode, Func<ProcessFiles, byte[]> contents, uint permissions = 0x124) : SyntheticNode
{
    private const uint AnyWrite = 0x92;

    public override uint Mode => HostStat.TypeRegular | permissions;

    public override ulong Inode => inode;

    public override int Open(ProcessFiles viewer, int flags)
    {
        bool writes = OpenFlags.Writes(flags);
        return writes && (permissions & AnyWrite) == 0 ? -Errno.EACCES : HostFile.CreateMemory(contents(viewer), writes);
    }
}

/// <summary>A symbolic link; with <paramref name="file"/> it leads to an open file, whatever its text says.</summary>
internal sealed class LinkNode(ulong inode, Func<ProcessFiles, byte[]> target, Func<ProcessFiles, OpenFile?>? file = null) : SyntheticNode
{
    public override uint Mode => HostStat.TypeLink | 0x1ff;

    public override ulong Inode => inode;

    public override byte[] ReadLink(ProcessFiles viewer) => target(viewer);

    public override OpenFile? AcquireTarget(ProcessFiles viewer) => file?.Invoke(viewer);
}

/// <summary>A directory that exists only as a place to mount or name things below.</summary>
internal abstract class DirectoryNode(ulong inode) : SyntheticNode
{
    public override uint Mode => HostStat.TypeDirectory | 0x16d;

    public override ulong Inode => inode;

    /// <summary>A stable inode number for a path.</summary>
    protected static ulong InodeOf(ReadOnlySpan<byte> path)
    {
        ulong hash = 14695981039346656037;
        foreach (byte b in path)
        {
            hash = (hash ^ b) * 1099511628211;
        }

        return 0x1_0000_0000 | (hash & 0x7fff_ffff);
    }
}
