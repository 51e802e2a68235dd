namespace Jitvmm.Linux.Files;

/// <summary>A file that a path or descriptor names, for calls that act on the file itself. Dispose it.</summary>
internal ref struct Located
{
    private readonly OpenFile? _held;

    /// <summary>A file found by path; owns the O_PATH descriptor.</summary>
    public Located(int fd, ViewMount? mount, SyntheticNode? node, bool mayChangeInode)
    {
        Fd = fd;
        Mount = mount;
        Node = node;
        MayChangeInode = mayChangeInode;
    }

    /// <summary>A file given as a descriptor; takes over the use.</summary>
    public Located(OpenFile file)
    {
        _held = file;
        Fd = file.HostFd;
        Mount = file.Mount;
        Node = file.Detail as SyntheticNode ?? (file.Detail as SyntheticListing)?.Directory;
        MayChangeInode = file.MayChangeInode;
    }

    /// <summary>Host descriptor, possibly O_PATH; -1 for a made-up file found by path.</summary>
    public int Fd { get; private set; }

    public ViewMount? Mount { get; }

    public SyntheticNode? Node { get; }

    public bool MayChangeInode { get; }

    /// <summary>Whether it was given as a descriptor rather than found by path.</summary>
    public readonly bool IsDescriptor => _held != null;

    /// <summary>What forbids changing the inode: -EROFS on what the guest sees read-only, -EPERM on what the VMM makes up, or 0.</summary>
    public readonly int CheckChange() => Node != null ? -Errno.EPERM : MayChangeInode ? 0 : -Errno.EROFS;

    public readonly int Stat(ProcessFiles viewer, out HostStat stat) => Node != null ? Node.Stat(viewer, out stat) : HostFile.Stat(Fd, out stat);

    public void Dispose()
    {
        if (_held != null)
        {
            _held.Release();
        }
        else if (Fd >= 0)
        {
            HostFile.Close(Fd);
        }

        Fd = -1;
    }
}
