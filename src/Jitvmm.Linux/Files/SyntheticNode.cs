namespace Jitvmm.Linux.Files;

/// <summary>A file, directory or link the VMM makes up. Nodes are made on lookup and hold no state of an open file.</summary>
internal abstract class SyntheticNode
{
    /// <summary>File type and permissions as in st_mode.</summary>
    public abstract uint Mode { get; }

    /// <summary>st_ino: stable for the same file.</summary>
    public abstract ulong Inode { get; }

    public bool IsDirectory => (Mode & HostStat.TypeMask) == HostStat.TypeDirectory;

    public bool IsLink => (Mode & HostStat.TypeMask) == HostStat.TypeLink;

    /// <summary>The entry of a directory, or null.</summary>
    public virtual SyntheticNode? Lookup(ProcessFiles viewer, ReadOnlySpan<byte> name) => null;

    /// <summary>Adds the entries of a directory, "." and ".." excepted.</summary>
    public virtual void List(ProcessFiles viewer, SyntheticListing listing)
    {
    }

    /// <summary>Target of a link as readlink shows it.</summary>
    public virtual byte[] ReadLink(ProcessFiles viewer) => [];

    /// <summary>For a link that leads to an open file and not to a path: that file with one use added, or null.</summary>
    public virtual OpenFile? AcquireTarget(ProcessFiles viewer) => null;

    /// <summary>Opens a file node: a host descriptor or a negated errno.</summary>
    public virtual int Open(ProcessFiles viewer, int flags) => -Errno.EACCES;

    /// <summary>What stat says; the node's type, permissions and inode, owned by the guest's user, times of now.</summary>
    public virtual int Stat(ProcessFiles viewer, out HostStat stat)
    {
        stat = default;
        stat.Inode = Inode;
        stat.Mode = Mode;
        stat.Links = IsDirectory ? 2ul : 1;
        stat.Device = 0x15;
        stat.BlockSize = 1024;
        stat.User = (uint)HostSyscall.Raw(107);
        stat.Group = (uint)HostSyscall.Raw(108);
        stat.AccessSeconds = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        stat.ModifySeconds = stat.AccessSeconds;
        stat.ChangeSeconds = stat.AccessSeconds;
        return 0;
    }
}
