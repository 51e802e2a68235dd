using System.Runtime.CompilerServices;

namespace Jitvmm.Linux.Files;

/// <summary>
/// One resolution of a guest path to a host descriptor. A path the guest controls reaches the host only
/// through openat2 from a descriptor of the view, beneath it, with symbolic links refused.
/// </summary>
/// <remarks>
/// The common case is one host call: the mount is chosen by the path's text, and the kernel walks the rest.
/// When the kernel meets a symbolic link it says ELOOP; then the first link is found and expanded here, with
/// the guest's own root, and the walk goes on. <c>..</c> removes a component of the real path so far, which
/// holds no links. Whatever other threads rename or swap meanwhile, each host call starts at a mount and stays
/// beneath it without following links, so the worst outcome is an error.
/// <para>
/// A mount cannot be sidestepped by renaming: mount points and the directories above them are busy
/// (<see cref="FileSystemView.CoversMount"/>).
/// </para>
/// </remarks>
internal unsafe ref struct PathWalk
{
    /// <summary>Bytes the buffer given to the constructor must have.</summary>
    public const int BufferSize = 3 * Part;

    private const int Part = 4352;
    private const int MaximumLinks = 40;
    private const int Again = -100_000;
    private const ulong Beneath = OpenFlags.ResolveBeneath | OpenFlags.ResolveNoSymlinks | OpenFlags.ResolveNoMagicLinks;

    private readonly ProcessFiles _viewer;
    private readonly FileSystemView _view;

    /// <summary>The real path so far and, during a step, the candidate behind it; zero-terminated.</summary>
    private readonly Span<byte> _path;

    private readonly Span<byte> _pendingBuffer;
    private readonly Span<byte> _scratch;
    private ReadOnlySpan<byte> _pending;
    private int _realLength;
    private int _candidateLength;
    private bool _mustBeDirectory;
    private int _linksLeft;

    /// <summary>The directory the walk began at, while the path is still below it.</summary>
    private OpenFile? _start;

    private int _flags;
    private uint _mode;
    private GuestThread? _thread;

    /// <param name="viewer">Whose view.</param>
    /// <param name="buffer">At least <see cref="BufferSize"/> bytes.</param>
    public PathWalk(ProcessFiles viewer, Span<byte> buffer)
    {
        this = default;
        _viewer = viewer;
        _view = viewer.View;
        _path = buffer[..Part];
        _pendingBuffer = buffer.Slice(Part, Part);
        _scratch = buffer.Slice(2 * Part, Part);
        Mount = _view.RootMount;
    }

    /// <summary>After success: the mount the file is on.</summary>
    public ViewMount Mount { get; private set; }

    /// <summary>After success: the made-up file found; then no host descriptor was returned.</summary>
    public SyntheticNode? Node { get; private set; }

    /// <summary>After success through a /proc/self/fd link: the file it leads to. The caller releases it.</summary>
    public OpenFile? Linked { get; private set; }

    /// <summary>After success: the file's guest path, normal and without links.</summary>
    public readonly ReadOnlySpan<byte> RealPath => _path[.._candidateLength];

    /// <summary>
    /// Walks <paramref name="path"/> and opens what it names.
    /// </summary>
    /// <param name="start">Directory a relative path starts at.</param>
    /// <param name="path">As the guest gave it, without terminator.</param>
    /// <param name="flags">Flags of open(2).</param>
    /// <param name="mode">Permissions for a new file.</param>
    /// <param name="thread">Given when the open may wait (FIFOs).</param>
    /// <returns>
    /// A host descriptor; or 0 with <see cref="Node"/> or <see cref="Linked"/> set, both still to be opened; or a negated errno.
    /// </returns>
    public int Open(OpenFile? start, ReadOnlySpan<byte> path, int flags, uint mode = 0, GuestThread? thread = null)
    {
        if (path.IsEmpty)
        {
            return -Errno.ENOENT;
        }

        if (path.Length > GuestPath.MaximumLength)
        {
            return -Errno.ENAMETOOLONG;
        }

        _flags = flags & ((flags & OpenFlags.Path) != 0 ? OpenFlags.ValidWithPath : OpenFlags.Valid);
        _mode = (flags & (OpenFlags.Create | OpenFlags.TemporaryFileBit)) != 0 && (flags & OpenFlags.Path) == 0 ? mode & 0xfff : 0;
        _thread = thread;
        _linksLeft = MaximumLinks;
        _realLength = 0;
        _pending = path;
        if (path[0] != (byte)'/' && start != null)
        {
            if (!start.IsDirectory && !(start.Kind == FileKind.PathOnly && start.Path != null))
            {
                return -Errno.ENOTDIR;
            }

            if (start.Path == null)
            {
                return -Errno.EACCES;
            }

            if (start.Path.Length + path.Length + 2 > Part)
            {
                return -Errno.ENAMETOOLONG;
            }

            start.Path.CopyTo(_path);
            _realLength = start.Path.Length;
            _start = start;
        }

        int result;
        do
        {
            result = Step();
        }
        while (result == Again);

        return result;
    }

    /// <summary>Handles the pending path up to its end or next <c>..</c>.</summary>
    private int Step()
    {
        int error = TakeLeadingDots();
        if (error < 0)
        {
            return error;
        }

        bool isFinal = TakeRun();
        if (_candidateLength > GuestPath.MaximumLength)
        {
            return -Errno.ENAMETOOLONG;
        }

        Mount = _view.Find(_path[.._candidateLength]);
        if (Mount.Tree != null)
        {
            return StepThroughTree(isFinal);
        }

        int directory = HostPosition(_candidateLength, out int relative);
        if (isFinal)
        {
            int fd = OpenCandidate(directory, relative);
            return fd == -Errno.ELOOP ? ExpandFirstLink(isFinal: true) : fd;
        }

        int passed = OpenBeneath(directory, relative, OpenFlags.Path | OpenFlags.NoFollow, 0, null);
        if (passed < 0)
        {
            return passed == -Errno.ELOOP ? ExpandFirstLink(isFinal: false) : passed;
        }

        error = HostFile.Stat(passed, out HostStat stat);
        HostFile.Close(passed);
        if (error < 0)
        {
            return error;
        }

        if (stat.Type == HostStat.TypeDirectory)
        {
            _realLength = _candidateLength;
            return Again;
        }

        return stat.Type == HostStat.TypeLink ? ExpandFirstLink(isFinal: false) : -Errno.ENOTDIR;
    }

    /// <summary>Consumes "." and ".." at the front of the pending path.</summary>
    private int TakeLeadingDots()
    {
        for (; ; )
        {
            ReadOnlySpan<byte> name = GuestPath.Next(_pending, out ReadOnlySpan<byte> rest);
            if (name.SequenceEqual(".."u8))
            {
                int error = GoUp();
                if (error < 0)
                {
                    return error;
                }
            }
            else if (!name.SequenceEqual("."u8))
            {
                return 0;
            }

            _pending = rest;
        }
    }

    private int GoUp()
    {
        if (_start != null && _realLength == _start.Path!.Length)
        {
            // The directory may have been renamed since it was opened: its parent is where it is now.
            int length = _view.CurrentPath(_start, _path[..Part]);
            if (length < 0)
            {
                return length;
            }

            _realLength = length;
            _start = null;
        }

        _realLength = GuestPath.Parent(_path[.._realLength]).Length;
        return 0;
    }

    /// <summary>Appends the pending components up to the next <c>..</c> to the candidate; true when that is all there is.</summary>
    private bool TakeRun()
    {
        int length = _realLength;
        _mustBeDirectory = _pending.TrimStart((byte)'/').IsEmpty;
        while (!_pending.IsEmpty)
        {
            ReadOnlySpan<byte> name = GuestPath.Next(_pending, out ReadOnlySpan<byte> rest);
            if (name.SequenceEqual(".."u8))
            {
                _candidateLength = length;
                return false;
            }

            _pending = rest;
            _mustBeDirectory = name.IsEmpty || name.SequenceEqual("."u8);
            if (_mustBeDirectory)
            {
                continue;
            }

            if (length + name.Length + 3 > Part)
            {
                length = Part;
                break;
            }

            _path[length++] = (byte)'/';
            name.CopyTo(_path[length..]);
            length += name.Length;
        }

        _candidateLength = length;
        return true;
    }

    /// <summary>The descriptor to walk from and where in the path buffer the part to walk begins, for a candidate on the host.</summary>
    private readonly int HostPosition(int length, out int relative)
    {
        if (_start is { Kind: FileKind.Directory or FileKind.PathOnly } start && ReferenceEquals(start.Mount, Mount) && length >= start.Path!.Length)
        {
            relative = start.Path.Length + 1;
            return start.HostFd;
        }

        relative = Mount.GuestPath.Length + 1;
        return Mount.HostFd;
    }

    /// <summary>Opens the whole candidate as the guest asked; -ELOOP when a symbolic link is in it.</summary>
    private int OpenCandidate(int directory, int relative)
    {
        int length = _candidateLength;
        if (Mount.IsFile)
        {
            return relative > length ? OpenFileMount() : -Errno.ENOTDIR;
        }

        bool writes = OpenFlags.Writes(_flags);
        bool creates = (_flags & OpenFlags.Create) != 0;
        if (Mount.IsWritable || (!writes && !creates))
        {
            return OpenBeneath(directory, relative, _flags, _mode, _thread);
        }

        return OpenOnReadOnlyMount(directory, relative, writes);
    }

    /// <summary>Answers as Linux does on a read-only mount: existing files are found first, then EROFS.</summary>
    private int OpenOnReadOnlyMount(int directory, int relative, bool writes)
    {
        bool isExclusive = (_flags & (OpenFlags.Create | OpenFlags.Exclusive)) == (OpenFlags.Create | OpenFlags.Exclusive);
        int probe = OpenBeneath(directory, relative, OpenFlags.Path | (isExclusive ? OpenFlags.NoFollow : _flags & OpenFlags.NoFollow), 0, null);
        if (probe < 0)
        {
            return probe == -Errno.ENOENT && (_flags & OpenFlags.Create) != 0 ? -Errno.EROFS : probe;
        }

        int error = HostFile.Stat(probe, out HostStat stat);
        HostFile.Close(probe);
        if (error < 0)
        {
            return error;
        }

        if (isExclusive)
        {
            return -Errno.EEXIST;
        }

        if (stat.Type == HostStat.TypeLink)
        {
            return -Errno.ELOOP;
        }

        if ((_flags & OpenFlags.TemporaryFileBit) != 0 || !writes)
        {
            return writes ? -Errno.EROFS : OpenBeneath(directory, relative, _flags & ~OpenFlags.Create, 0, _thread);
        }

        return stat.Type == HostStat.TypeDirectory ? -Errno.EISDIR : -Errno.EROFS;
    }

    private readonly int OpenFileMount()
    {
        if (_mustBeDirectory || (_flags & OpenFlags.Directory) != 0)
        {
            return -Errno.ENOTDIR;
        }

        if ((_flags & (OpenFlags.Create | OpenFlags.Exclusive)) == (OpenFlags.Create | OpenFlags.Exclusive))
        {
            return -Errno.EEXIST;
        }

        return OpenFlags.Writes(_flags) && !Mount.IsWritable
            ? -Errno.EROFS
            : HostFile.Reopen(Mount.HostFd, _flags & ~(OpenFlags.NoFollow | OpenFlags.Create));
    }

    /// <summary>The one place where a guest's path goes to the host.</summary>
    private readonly int OpenBeneath(int directory, int relative, int flags, uint mode, GuestThread? thread)
    {
        int length = _candidateLength;
        if (relative > length)
        {
            // The mount or the starting directory itself.
            _path[relative] = (byte)'.';
            _path[relative + 1] = 0;
        }
        else
        {
            if (_mustBeDirectory)
            {
                _path[length++] = (byte)'/';
            }

            _path[length] = 0;
        }

        OpenHow how;
        how.Flags = (uint)(flags | OpenFlags.CloseOnExec);
        how.Mode = mode;
        how.Resolve = Beneath;
        fixed (byte* text = _path)
        {
            return thread != null && (flags & OpenFlags.Path) == 0
                ? (int)HostSyscall.Blocking(thread, 437, (ulong)directory, (ulong)(text + relative), (ulong)&how, (ulong)sizeof(OpenHow))
                : (int)HostSyscall.Raw(437, (ulong)directory, (ulong)(text + relative), (ulong)&how, (ulong)sizeof(OpenHow));
        }
    }

    /// <summary>Finds the first symbolic link of the candidate and puts its target in front of what follows it.</summary>
    private int ExpandFirstLink(bool isFinal)
    {
        if (--_linksLeft < 0)
        {
            return -Errno.ELOOP;
        }

        int directory = HostPosition(_candidateLength, out int relative);
        int end = Math.Max(_realLength, relative - 1);
        int candidate = _candidateLength;
        bool mustBeDirectory = _mustBeDirectory;
        while (end < candidate)
        {
            int begin = end;
            int slash = _path[(end + 1)..candidate].IndexOf((byte)'/');
            end = slash < 0 ? candidate : end + 1 + slash;

            byte kept = _path[end];
            _candidateLength = end;
            _mustBeDirectory = false;
            int length = ReadLinkBeneath(directory, relative);
            _path[end] = kept;
            if (length == -Errno.EINVAL)
            {
                continue;
            }

            if (length <= 0)
            {
                return length == 0 ? -Errno.ENOENT : length;
            }

            if (end == candidate && isFinal && !mustBeDirectory && (_flags & OpenFlags.NoFollow) != 0)
            {
                return -Errno.ELOOP;
            }

            _realLength = begin;
            return Prepend(_scratch[..length], _path[end..candidate], mustBeDirectory && isFinal);
        }

        // The link went away between the two looks.
        int first = Math.Min(_realLength + 1, candidate);
        return Prepend(_path[first..candidate], default, mustBeDirectory && isFinal);
    }

    /// <summary>Reads the link the candidate names into the scratch buffer; -EINVAL when it is not one.</summary>
    private readonly int ReadLinkBeneath(int directory, int relative)
    {
        int fd = OpenBeneath(directory, relative, OpenFlags.Path | OpenFlags.NoFollow, 0, null);
        if (fd < 0)
        {
            return fd;
        }

        byte empty = 0;
        fixed (byte* to = _scratch)
        {
            int length = HostFile.ReadLink(fd, &empty, to, Part);
            HostFile.Close(fd);

            // An empty name on something that is no link gives ENOENT.
            return length == -Errno.ENOENT ? -Errno.EINVAL : length;
        }
    }

    /// <summary>Makes the pending path <paramref name="target"/> + <paramref name="middle"/> + what was pending.</summary>
    private int Prepend(ReadOnlySpan<byte> target, ReadOnlySpan<byte> middle, bool endsInSlash)
    {
        ReadOnlySpan<byte> rest = _pending;
        int total = target.Length + middle.Length + rest.Length + (endsInSlash ? 1 : 0);
        if (total > GuestPath.MaximumLength)
        {
            return -Errno.ENAMETOOLONG;
        }

        if (target.Length > 0 && target[0] == (byte)'/')
        {
            _realLength = 0;
            _start = null;
        }

        // What is pending may lie in the buffer it is going to: place it first.
        rest.CopyTo(_pendingBuffer[(target.Length + middle.Length)..]);
        target.CopyTo(_pendingBuffer);
        middle.CopyTo(_pendingBuffer[target.Length..]);
        if (endsInSlash)
        {
            _pendingBuffer[total - 1] = (byte)'/';
        }

        _pending = _pendingBuffer[..total];
        return Again;
    }

    /// <summary>Walks a candidate in a tree the VMM makes up.</summary>
    private int StepThroughTree(bool isFinal)
    {
        SyntheticNode node = Mount.Tree!;
        int end = Mount.GuestPath.Length;
        while (end < _candidateLength)
        {
            int begin = end;
            int slash = _path[(end + 1).._candidateLength].IndexOf((byte)'/');
            end = slash < 0 ? _candidateLength : end + 1 + slash;
            if (!node.IsDirectory)
            {
                return -Errno.ENOTDIR;
            }

            SyntheticNode? child = node.Lookup(_viewer, _path[(begin + 1)..end]);
            if (child == null)
            {
                return end == _candidateLength && isFinal && (_flags & OpenFlags.Create) != 0 ? -Errno.EACCES : -Errno.ENOENT;
            }

            bool isLast = end == _candidateLength && isFinal;
            if (child.IsLink && (!isLast || _mustBeDirectory || (_flags & OpenFlags.NoFollow) == 0))
            {
                return FollowTreeLink(child, begin, end, isLast);
            }

            node = child;
        }

        if (!isFinal || _mustBeDirectory)
        {
            if (!node.IsDirectory)
            {
                return -Errno.ENOTDIR;
            }

            if (!isFinal)
            {
                _realLength = _candidateLength;
                return Again;
            }
        }

        if (node.IsLink && (_flags & OpenFlags.Path) == 0)
        {
            return -Errno.ELOOP;
        }

        Node = node;
        return 0;
    }

    private int FollowTreeLink(SyntheticNode link, int begin, int end, bool isLast)
    {
        if (--_linksLeft < 0)
        {
            return -Errno.ELOOP;
        }

        OpenFile? target = link.AcquireTarget(_viewer);
        if (target == null)
        {
            byte[] text = link.ReadLink(_viewer);
            if (text.Length == 0)
            {
                return -Errno.ENOENT;
            }

            text.CopyTo(_scratch);
            _realLength = begin;
            return Prepend(_scratch[..text.Length], _path[end.._candidateLength], _mustBeDirectory && isLast);
        }

        if (isLast && !_mustBeDirectory)
        {
            Linked = target;
            return 0;
        }

        int length = target.Path == null ? -Errno.ENOTDIR : _view.CurrentPath(target, _scratch);
        target.Release();
        if (length < 0)
        {
            return length;
        }

        _realLength = begin;
        ReadOnlySpan<byte> path = length == 0 ? "/"u8 : _scratch[..length];
        return Prepend(path, _path[end.._candidateLength], _mustBeDirectory && isLast);
    }
}
