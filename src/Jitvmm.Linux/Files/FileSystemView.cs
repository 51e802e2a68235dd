namespace Jitvmm.Linux.Files;

/// <summary>
/// The file name space of a guest session: which host directory, or tree made up by the VMM, answers at which
/// guest path. Immutable once built; a fork inherits it with its descriptors.
/// </summary>
public sealed class FileSystemView : IDisposable
{
    private const int ProcessIdNumber = 39;

    private readonly ViewMount[] _mounts;
    private readonly long _owner;
    private readonly PrivateDirectory? _privateDirectory;

    internal FileSystemView(List<ViewMount> mounts, ViewOptions options, PrivateDirectory? privateDirectory, byte[] workingDirectory)
    {
        // Longest guest path first: the first match is the mount.
        mounts.Sort(static (a, b) => b.GuestPath.Length.CompareTo(a.GuestPath.Length));
        _mounts = [.. mounts];
        RootMount = _mounts[^1];
        Options = options;
        WorkingDirectory = workingDirectory;
        _privateDirectory = privateDirectory;
        _owner = HostSyscall.Raw(ProcessIdNumber);
        AbstractPrefix = options.HasNetwork ? [] : System.Text.Encoding.ASCII.GetBytes($"jitvmm-{_owner}-");
    }

    /// <summary>Builds the view the options describe.</summary>
    /// <exception cref="IOException">A path of the options can not be opened.</exception>
    public static FileSystemView Create(ViewOptions options) => FileSystemViewBuilder.Build(options);

    public ViewOptions Options { get; }

    public ViewMount RootMount { get; }

    /// <summary>Guest path the first process starts in.</summary>
    public byte[] WorkingDirectory { get; }

    /// <summary>What abstract socket names of this session begin with on the host; empty when the guest uses the host's own.</summary>
    internal byte[] AbstractPrefix { get; }

    /// <summary>Why <see cref="Dispose"/> left files behind, if it did.</summary>
    public Exception? RemovalError { get; private set; }

    internal ReadOnlySpan<ViewMount> Mounts => _mounts;

    /// <summary>The mount a normal guest path is on.</summary>
    public ViewMount Find(ReadOnlySpan<byte> path)
    {
        foreach (ViewMount mount in _mounts)
        {
            if (GuestPath.IsWithin(path, mount.GuestPath))
            {
                return mount;
            }
        }

        return RootMount;
    }

    /// <summary>Whether a mount point is at or below a normal guest path: such a name is busy.</summary>
    public bool CoversMount(ReadOnlySpan<byte> path)
    {
        foreach (ViewMount mount in _mounts)
        {
            if (GuestPath.IsWithin(mount.GuestPath, path))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// Where a directory is now (it may have been renamed since it was opened): a normal guest path.
    /// </summary>
    /// <returns>The path's length in <paramref name="destination"/>, or -ENOENT when it was removed.</returns>
    public int CurrentPath(OpenFile file, Span<byte> destination)
    {
        byte[] stored = file.Path ?? [];
        if (file.Mount is { Tree: null, IsFile: false } mount)
        {
            Span<byte> host = stackalloc byte[GuestPath.MaximumLength + 1];
            int length = HostFile.ReadDescriptorPath(file.HostFd, host);
            if (length < 0)
            {
                return length;
            }

            ReadOnlySpan<byte> path = length == 1 ? [] : host[..length];
            if (path.EndsWith(" (deleted)"u8) && IsRemoved(file))
            {
                return -Errno.ENOENT;
            }

            if (GuestPath.IsWithin(path, mount.HostPath))
            {
                ReadOnlySpan<byte> below = path[mount.HostPath.Length..];
                if (mount.GuestPath.Length + below.Length > destination.Length)
                {
                    return -Errno.ENAMETOOLONG;
                }

                mount.GuestPath.CopyTo(destination);
                below.CopyTo(destination[mount.GuestPath.Length..]);
                return mount.GuestPath.Length + below.Length;
            }
        }

        if (stored.Length > destination.Length)
        {
            return -Errno.ENAMETOOLONG;
        }

        stored.CopyTo(destination);
        return stored.Length;
    }

    /// <summary>What readlink of /proc/self/fd/N shows.</summary>
    public byte[] Describe(OpenFile file)
    {
        if (file.Path != null && file.Kind is FileKind.SyntheticDirectory or FileKind.SyntheticFile)
        {
            return file.Path.Length == 0 ? [(byte)'/'] : file.Path!;
        }

        Span<byte> path = stackalloc byte[GuestPath.MaximumLength + 1];
        int length = HostFile.ReadDescriptorPath(file.HostFd, path);
        if (length <= 0)
        {
            return file.Path ?? [];
        }

        ReadOnlySpan<byte> host = path[..length];
        if (file.Mount is { Tree: null } mount && host[0] == (byte)'/')
        {
            host = host.Length == 1 ? [] : host;
            if (!GuestPath.IsWithin(host, mount.HostPath))
            {
                return file.Path ?? [(byte)'/'];
            }

            byte[] guest = [.. mount.GuestPath, .. host[mount.HostPath.Length..]];
            return guest.Length == 0 ? [(byte)'/'] : guest;
        }

        return host.ToArray();
    }

    /// <summary>
    /// The mount through which the guest could itself reach a descriptor that came from elsewhere (inherited, or
    /// received over a socket), or null. What it may change through the descriptor follows from it.
    /// </summary>
    public ViewMount? FindByHost(int hostFd, out byte[]? guestPath)
    {
        guestPath = null;
        Span<byte> buffer = stackalloc byte[GuestPath.MaximumLength + 1];
        int length = HostFile.ReadDescriptorPath(hostFd, buffer);
        if (length <= 0 || buffer[0] != (byte)'/')
        {
            return null;
        }

        ReadOnlySpan<byte> host = length == 1 ? [] : buffer[..length];
        ViewMount? best = null;
        foreach (ViewMount mount in _mounts)
        {
            if (mount.Tree != null || !GuestPath.IsWithin(host, mount.HostPath) || (best != null && best.HostPath.Length >= mount.HostPath.Length))
            {
                continue;
            }

            byte[] path = [.. mount.GuestPath, .. host[mount.HostPath.Length..]];
            if (ReferenceEquals(Find(path), mount))
            {
                best = mount;
                guestPath = path;
            }
        }

        return best;
    }

    /// <summary>Removes the session's private files, if this process made them.</summary>
    public void Dispose()
    {
        if (_privateDirectory != null && HostSyscall.Raw(ProcessIdNumber) == _owner)
        {
            RemovalError = _privateDirectory.Remove();
        }
    }

    private static bool IsRemoved(OpenFile file) => HostFile.Stat(file.HostFd, out HostStat stat) == 0 && stat.Links == 0;
}
