namespace Jitvmm.Linux.Files;

/// <summary>The directory and last component of a path, for calls that make or remove names. Dispose it.</summary>
internal ref struct DirectoryEntry(Span<byte> buffer)
{
    /// <summary>Bytes the buffer given to the constructor must have.</summary>
    public const int BufferSize = PathWalk.BufferSize + MaximumName + 1;

    private const int MaximumName = 255;

    private readonly Span<byte> _walkBuffer = buffer[..PathWalk.BufferSize];
    private readonly Span<byte> _name = buffer[PathWalk.BufferSize..];
    private int _length;

    /// <summary>The name and a zero byte.</summary>
    public readonly ReadOnlySpan<byte> Name => _name[..(_length + 1)];

    /// <summary>O_PATH descriptor of the directory; -1 when the VMM makes the directory up.</summary>
    public int Fd { get; private set; } = -1;

    public ViewMount? Mount { get; private set; }

    /// <summary>Whether slashes follow the name: it must be a directory.</summary>
    public bool HasTrailingSlash { get; private set; }

    /// <summary>Whether a mount point is at or below the name.</summary>
    public bool IsBusy { get; private set; }

    public readonly bool IsDot => _length == 1 && _name[0] == '.';

    public readonly bool IsDotDot => _length == 2 && _name[0] == '.' && _name[1] == '.';

    /// <summary>The path had no name: it was slashes only.</summary>
    public readonly bool IsRoot => _length == 0;

    /// <summary>The name is an ordinary one.</summary>
    public readonly bool IsName => !IsRoot && !IsDot && !IsDotDot;

    /// <summary>What forbids making or removing names here, or 0. Checked after the directory was found.</summary>
    public readonly int CheckChange() => Mount!.Tree != null ? -Errno.EACCES : Mount.IsWritable ? 0 : -Errno.EROFS;

    /// <summary>Finds the directory of <paramref name="path"/>.</summary>
    public int Find(ProcessFiles files, OpenFile? start, scoped ReadOnlySpan<byte> path)
    {
        if (path.IsEmpty)
        {
            return -Errno.ENOENT;
        }

        ReadOnlySpan<byte> trimmed = path.TrimEnd((byte)'/');
        HasTrailingSlash = trimmed.Length != path.Length;
        int slash = trimmed.LastIndexOf((byte)'/');
        ReadOnlySpan<byte> name = trimmed[(slash + 1)..];
        if (name.Length > MaximumName)
        {
            return -Errno.ENAMETOOLONG;
        }

        _length = name.Length;
        name.CopyTo(_name);
        _name[_length] = 0;
        ReadOnlySpan<byte> directory = slash >= 0 ? path[..(slash + 1)] : trimmed.IsEmpty ? "/"u8 : "."u8;
        scoped PathWalk walk = new(files, _walkBuffer);
        int fd = walk.Open(start, directory, OpenFlags.Path | OpenFlags.Directory);
        if (fd < 0)
        {
            return fd;
        }

        if (walk.Linked != null)
        {
            walk.Linked.Release();
            return -Errno.ENOTDIR;
        }

        Mount = walk.Mount;
        Fd = walk.Node == null ? fd : -1;
        if (IsName)
        {
            IsBusy = files.View.CoversMount([.. walk.RealPath, (byte)'/', .. name]);
        }

        return 0;
    }

    public void Dispose()
    {
        if (Fd >= 0)
        {
            HostFile.Close(Fd);
            Fd = -1;
        }
    }
}
