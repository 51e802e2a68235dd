using System.Runtime.CompilerServices;

namespace Jitvmm.Linux.Files;

/// <summary>The files of one guest process: its descriptors, its current directory, and the view they live in.</summary>
public sealed class ProcessFiles
{
    private const int StandardStreams = 3;
    private const int StandardError = 2;

    /// <summary>.NET's start makes its duplicates below this number.</summary>
    private const int FirstSafe = 16;

    private readonly Lock _gate = new();
    private OpenFile _current;

    public ProcessFiles(IProcessFacts facts, FileSystemView view, int descriptorLimit)
    {
        Facts = facts;
        View = view;
        Table = new FileTable(descriptorLimit);
        int error = Open(null, GuestPath.Display(view.WorkingDirectory), OpenFlags.Path | OpenFlags.Directory, 0, null, out OpenFile? current);
        if (error < 0)
        {
            error = Open(null, "/"u8, OpenFlags.Path | OpenFlags.Directory, 0, null, out current);
        }

        _current = current ?? throw new IOException($"cannot open the root directory: {Errno.NameOf(-error)}");
    }

    public IProcessFacts Facts { get; }

    public FileSystemView View { get; }

    public FileTable Table { get; }

    /// <summary>The pseudo-terminals that exist for this guest.</summary>
    public SessionTerminals Terminals { get; } = new();

    /// <summary>Gives the guest a host descriptor of the embedder's (a standard stream) as number <paramref name="fd"/>. The embedder keeps its own.</summary>
    public int Inherit(int hostFd, int fd)
    {
        int copy = HostFile.Duplicate(hostFd);
        if (copy < 0)
        {
            return copy;
        }

        Table.Close(fd);
        return Table.Install(Adopt(copy), closeOnExec: false, fd);
    }

    /// <summary>
    /// Moves the VMM process's standard streams to the guest: 0, 1 and 2 become the guest's, and the VMM's own
    /// numbers 0 and 1 lead to /dev/null, so that a guest that closes its output really does. Standard error
    /// stays, for what .NET itself has to say, until <see cref="LeaveStandardError"/>.
    /// </summary>
    /// <param name="reportFd">A duplicate of standard error that is to stay.</param>
    public void TakeStandardStreams(int reportFd)
    {
        int nowhere = HostFile.OpenTrusted("/dev/null"u8, OpenFlags.ReadWrite);
        for (int fd = 0; fd < StandardStreams; fd++)
        {
            // .NET keeps duplicates of its own, which would hold a pipe open for as long as the process lives.
            for (int other = StandardStreams; other < FirstSafe && nowhere >= 0; other++)
            {
                if (other != reportFd && HostFile.IsSameOpenFile(fd, other))
                {
                    HostFile.DuplicateOnto(nowhere, other, OpenFlags.CloseOnExec);
                }
            }

            Inherit(fd, fd);
            if (nowhere >= 0 && nowhere != fd && fd != StandardError)
            {
                HostFile.DuplicateOnto(nowhere, fd, OpenFlags.CloseOnExec);
            }
        }

        if (nowhere >= StandardStreams)
        {
            HostFile.Close(nowhere);
        }
    }

    /// <summary>
    /// Lets go of the VMM's own standard error. Whoever reads it natively sees its end when the guest's last
    /// process has closed it, and a guest that goes into the background does so in a child.
    /// </summary>
    public static void LeaveStandardError() => HostFile.DuplicateOnto(0, StandardError, OpenFlags.CloseOnExec);

    /// <summary>
    /// An open file for a host descriptor that was not opened through the view (inherited, or received over a
    /// socket): what it may change is what the view would let the guest change.
    /// </summary>
    public OpenFile Adopt(int hostFd)
    {
        FileKind kind = HostFile.Stat(hostFd, out HostStat stat) == 0 ? stat.Kind : FileKind.Anonymous;
        int flags = HostFile.GetFlags(hostFd);
        if (flags >= 0 && (flags & OpenFlags.Path) != 0)
        {
            kind = FileKind.PathOnly;
        }

        ViewMount? mount = View.FindByHost(hostFd, out byte[]? path);
        bool hasPlace = kind is FileKind.Directory or FileKind.PathOnly;
        return new OpenFile(hostFd, kind, mount, hasPlace ? path : null) { MayChangeInode = mount is { IsWritable: true } };
    }

    /// <summary>The current directory with one use added.</summary>
    public OpenFile AcquireCurrent()
    {
        lock (_gate)
        {
            OpenFile current = _current;
            current.TryAcquire();
            return current;
        }
    }

    /// <summary>Makes a directory current; takes over the use.</summary>
    public void SetCurrent(OpenFile directory)
    {
        OpenFile old;
        lock (_gate)
        {
            old = _current;
            _current = directory;
        }

        old.Release();
    }

    /// <summary>
    /// Opens a guest path with open(2)'s flags.
    /// </summary>
    /// <param name="start">Where a relative path starts; null for the root.</param>
    /// <param name="path">Without terminator.</param>
    /// <param name="flags">Flags of open(2).</param>
    /// <param name="mode">Permissions of a new file, before the umask.</param>
    /// <param name="thread">The calling thread if the open may wait for a FIFO's other end.</param>
    /// <param name="file">The open file on success.</param>
    /// <returns>0 or a negated errno.</returns>
    [SkipLocalsInit]
    public int Open(OpenFile? start, ReadOnlySpan<byte> path, int flags, uint mode, GuestThread? thread, out OpenFile? file)
    {
        file = null;
        PathWalk walk = new(this, stackalloc byte[PathWalk.BufferSize]);
        int fd = walk.Open(start, path, flags, mode, thread);
        if (fd < 0)
        {
            return fd;
        }

        if (walk.Linked is { } target)
        {
            int error = OpenAnew(target, flags, out file);
            target.Release();
            return error;
        }

        return walk.Node is { } node ? OpenNode(node, walk.Mount, walk.RealPath, flags, out file) : Wrap(fd, walk.Mount, walk.RealPath, flags, out file);
    }

    /// <summary>Finds a file by path without opening it. <paramref name="follow"/> decides about a final symbolic link.</summary>
    [SkipLocalsInit]
    internal int Locate(OpenFile? start, scoped ReadOnlySpan<byte> path, bool follow, out Located located)
    {
        PathWalk walk = new(this, stackalloc byte[PathWalk.BufferSize]);
        int fd = walk.Open(start, path, OpenFlags.Path | (follow ? 0 : OpenFlags.NoFollow));
        if (fd < 0)
        {
            located = default;
            return fd;
        }

        if (walk.Linked is { } target)
        {
            SyntheticNode? node = target.Detail as SyntheticNode ?? (target.Detail as SyntheticListing)?.Directory;
            int reopened = HostFile.Reopen(target.HostFd, OpenFlags.Path);
            located = new Located(reopened, target.Mount, node, target.MayChangeInode);
            target.Release();
            return Math.Min(reopened, 0);
        }

        located = new Located(walk.Node == null ? fd : -1, walk.Mount, walk.Node, walk.Mount.IsWritable);
        return 0;
    }

    /// <summary>The guest path of the current directory, or -ENOENT when it was removed.</summary>
    public int CurrentPath(Span<byte> buffer)
    {
        OpenFile current = AcquireCurrent();
        int length = View.CurrentPath(current, buffer);
        current.Release();
        return length;
    }

    /// <summary>Opens the file behind a descriptor again (/proc/self/fd/N), with no more rights than the descriptor's place gives.</summary>
    private int OpenAnew(OpenFile target, int flags, out OpenFile? file)
    {
        file = null;
        if ((flags & (OpenFlags.Create | OpenFlags.Exclusive)) == (OpenFlags.Create | OpenFlags.Exclusive))
        {
            return -Errno.EEXIST;
        }

        if ((target.Detail as SyntheticNode ?? (target.Detail as SyntheticListing)?.Directory) is { } node)
        {
            return OpenNode(node, target.Mount!, target.Path, flags, out file);
        }

        if (OpenFlags.Writes(flags) && !target.MayChangeInode && !GrantsWriting(target, flags))
        {
            return target.Mount is { IsWritable: false } ? -Errno.EROFS : -Errno.EACCES;
        }

        flags &= (flags & OpenFlags.Path) != 0 ? OpenFlags.ValidWithPath : OpenFlags.Valid;
        int fd = HostFile.Reopen(target.HostFd, (flags | OpenFlags.NonBlocking) & ~(OpenFlags.Create | OpenFlags.NoFollow | OpenFlags.Exclusive));
        if (fd < 0)
        {
            return fd;
        }

        int error = HostFile.Stat(fd, out HostStat stat);
        bool isDevice = stat.Type is HostStat.TypeCharacter or HostStat.TypeBlock;
        bool mayOpenDevice = (flags & OpenFlags.Path) != 0 || target.Kind == FileKind.Device || target.Mount is { AllowsDevices: true };
        if (error < 0 || (isDevice && !mayOpenDevice))
        {
            HostFile.Close(fd);
            return error < 0 ? error : -Errno.EACCES;
        }

        if ((flags & (OpenFlags.NonBlocking | OpenFlags.Path)) == 0)
        {
            HostSyscall.Raw(72, (ulong)fd, 4, (ulong)(flags & ~OpenFlags.NonBlocking));
        }

        FileKind kind = (flags & OpenFlags.Path) != 0 ? FileKind.PathOnly : stat.Kind;
        file = new OpenFile(fd, kind, target.Mount, target.Path) { MayChangeInode = target.MayChangeInode };
        return 0;
    }

    /// <summary>Whether the descriptor itself can already be written as the new one would be; never a device's or pipe's problem.</summary>
    private static bool GrantsWriting(OpenFile target, int flags)
    {
        int own = HostFile.GetFlags(target.HostFd);
        return own >= 0 && (own & OpenFlags.Path) == 0 && (flags & OpenFlags.TemporaryFileBit) == 0
            && ((own & OpenFlags.AccessMode) == OpenFlags.ReadWrite || (own & OpenFlags.AccessMode) == (flags & OpenFlags.AccessMode))
            && (own & OpenFlags.AccessMode) != OpenFlags.ReadOnly;
    }

    private static int Wrap(int fd, ViewMount mount, ReadOnlySpan<byte> path, int flags, out OpenFile? file)
    {
        file = null;
        int error = HostFile.Stat(fd, out HostStat stat);
        bool isPath = (flags & OpenFlags.Path) != 0;
        bool isForbidden = !isPath && !mount.AllowsDevices
            && (stat.Type is HostStat.TypeCharacter or HostStat.TypeBlock || (stat.Type == HostStat.TypeFifo && !mount.IsWritable));
        if (error < 0 || isForbidden)
        {
            HostFile.Close(fd);
            return error < 0 ? error : -Errno.EACCES;
        }

        FileKind kind = isPath ? FileKind.PathOnly : stat.Kind;
        byte[]? place = stat.Type == HostStat.TypeDirectory || isPath ? path.ToArray() : null;
        file = new OpenFile(fd, kind, mount, place) { MayChangeInode = mount.IsWritable };
        return 0;
    }

    private int OpenNode(SyntheticNode node, ViewMount mount, ReadOnlySpan<byte> path, int flags, out OpenFile? file)
    {
        file = null;
        if ((flags & (OpenFlags.Create | OpenFlags.Exclusive)) == (OpenFlags.Create | OpenFlags.Exclusive))
        {
            return -Errno.EEXIST;
        }

        if (!node.IsDirectory && (flags & OpenFlags.Directory) != 0)
        {
            return -Errno.ENOTDIR;
        }

        bool isPath = (flags & OpenFlags.Path) != 0;
        if (node.IsDirectory && !isPath && (OpenFlags.Writes(flags) || (flags & OpenFlags.Create) != 0))
        {
            return -Errno.EISDIR;
        }

        bool isDevice = (node.Mode & HostStat.TypeMask) == HostStat.TypeCharacter;
        int fd = node.IsDirectory || (isPath && !isDevice) ? HostFile.CreateMemory() : node.Open(this, flags & ~OpenFlags.Create);
        if (fd < 0)
        {
            return fd;
        }

        FileKind kind = isPath ? FileKind.PathOnly : isDevice ? FileKind.Device : node.IsDirectory ? FileKind.SyntheticDirectory : FileKind.SyntheticFile;
        SyntheticListing? listing = node.IsDirectory && !isPath ? new SyntheticListing(node) : null;
        file = new OpenFile(fd, kind, mount, path.ToArray()) { Detail = isDevice ? null : listing ?? (object)node };
        return 0;
    }
}
