using System.Text;

namespace Jitvmm.Linux.Files;

/// <summary>Turns <see cref="ViewOptions"/> into mounts. Errors are the user's and carry one clear line.</summary>
internal sealed class FileSystemViewBuilder
{
    private const uint Everyone = 0x3ff;

    private static readonly string[] s_visibleSystem =
    [
        "/sys/devices/system/cpu", "/sys/devices/system/node", "/sys/fs/cgroup", "/sys/kernel/mm",
    ];

    private readonly ViewOptions _options;
    private readonly List<ViewMount> _mounts = [];
    private PrivateDirectory? _privateDirectory;
    private byte[] _workingDirectory = [];

    private FileSystemViewBuilder(ViewOptions options) => _options = options;

    /// <exception cref="IOException">A path of the options can not be opened.</exception>
    public static FileSystemView Build(ViewOptions options)
    {
        FileSystemViewBuilder builder = new(options);
        builder.AddAll();
        return new FileSystemView(builder._mounts, options, builder._privateDirectory, builder._workingDirectory);
    }

    private void AddAll()
    {
        byte[] current = HostPathOf(OpenHost(_options.WorkingDirectory ?? "."), out int currentFd);
        AddTree("/proc", ProcNode.Root);
        if (_options.ShareAll)
        {
            AddHost(_options.Root ?? "/", [], isWritable: true, allowsDevices: true);
            _workingDirectory = _options.Root == null ? current : [];
        }
        else
        {
            bool isRootWritable = _options.Root != null && _options.Writable.Contains("/");
            AddHost(_options.Root ?? "/", [], isRootWritable);
            AddTree("/dev", DevNode.Root, allowsDevices: true);
            AddTree("/sys", SysNode.Root);
            foreach (string path in s_visibleSystem)
            {
                AddHostIfPresent(path);
            }

            AddPrivate();
            if (_options.Root == null)
            {
                AddWorkingDirectory(current);
            }
        }

        HostFile.Close(currentFd);
        foreach (string path in _options.Writable)
        {
            AddWritable(path);
        }

        foreach (ViewBind bind in _options.Binds)
        {
            AddHost(bind.Source, Target(bind.Target), !bind.IsReadOnly);
        }

        AddProgram();
    }

    private static int OpenHost(string path)
    {
        int fd = HostFile.OpenTrusted(Encoding.UTF8.GetBytes(path), OpenFlags.Path);
        return fd >= 0 ? fd : throw new IOException($"cannot open {path}: {Errno.NameOf(-fd)}");
    }

    /// <summary>The canonical host path of a descriptor, in the form of <see cref="ViewMount.HostPath"/>.</summary>
    private static byte[] HostPathOf(int fd, out int sameFd)
    {
        Span<byte> buffer = stackalloc byte[GuestPath.MaximumLength + 1];
        int length = HostFile.ReadDescriptorPath(fd, buffer);
        sameFd = fd;
        return length <= 1 ? [] : buffer[..length].ToArray();
    }

    private static byte[] Target(string path) =>
        path.StartsWith('/') ? GuestPath.Normalize(Encoding.UTF8.GetBytes(path)) : throw new IOException($"{path}: a guest path must be absolute");

    private void AddTree(string path, SyntheticNode root, bool allowsDevices = false) =>
        Add(new ViewMount(Encoding.UTF8.GetBytes(path), [], -1, isWritable: false, isFile: false, root) { AllowsDevices = allowsDevices });

    private void AddHost(string source, byte[] target, bool isWritable, bool allowsDevices = false)
    {
        byte[] path = HostPathOf(OpenHost(source), out int fd);
        AddDescriptor(fd, path, target, isWritable, allowsDevices);
    }

    private void AddDescriptor(int fd, byte[] hostPath, byte[] target, bool isWritable, bool allowsDevices = false)
    {
        bool isFile = HostFile.Stat(fd, out HostStat stat) == 0 && stat.Type != HostStat.TypeDirectory;
        Add(new ViewMount(target, hostPath, fd, isWritable, isFile, tree: null) { AllowsDevices = allowsDevices });
    }

    /// <summary>A later mount at the same place replaces the earlier one, which nothing can reach any more.</summary>
    private void Add(ViewMount mount)
    {
        int same = _mounts.FindIndex(other => other.GuestPath.AsSpan().SequenceEqual(mount.GuestPath));
        if (same < 0)
        {
            _mounts.Add(mount);
            return;
        }

        if (_mounts[same].HostFd >= 0)
        {
            HostFile.Close(_mounts[same].HostFd);
        }

        _mounts[same] = mount;
    }

    private void AddHostIfPresent(string path)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(path);
        int fd = HostFile.OpenTrusted(bytes, OpenFlags.Path);
        if (fd >= 0)
        {
            AddDescriptor(fd, bytes, bytes, isWritable: false);
        }
    }

    /// <summary>/tmp and /dev/shm in a fresh directory of the host's /tmp.</summary>
    private void AddPrivate()
    {
        _privateDirectory = PrivateDirectory.Create();
        AddPrivate(_privateDirectory.Path + "/tmp", "/tmp");
        AddPrivate(_privateDirectory.Path + "/shm", "/dev/shm");
    }

    private void AddPrivate(string path, string target)
    {
        MakeDirectory(Encoding.UTF8.GetBytes(path));
        AddHost(path, Encoding.UTF8.GetBytes(target), isWritable: true);
    }

    private static void MakeDirectory(byte[] path)
    {
        HostFile.MakeDirectoryTrusted(path, Everyone);
        // mkdir obeys the umask; the sticky, world-writable mode of /tmp does not.
        int fd = HostFile.OpenTrusted(path, OpenFlags.ReadOnly | OpenFlags.Directory);
        if (fd >= 0)
        {
            HostSyscall.Raw(91, (ulong)fd, Everyone);
            HostFile.Close(fd);
        }
    }

    private void AddWorkingDirectory(byte[] current)
    {
        _workingDirectory = current;
        if (current.Length == 0 || IsMadeUp(current))
        {
            // Running in "/" does not make the whole host writable.
            return;
        }

        MakeMountPoint(current);
        AddHost(Encoding.UTF8.GetString(current), current, isWritable: true);
    }

    private static bool IsMadeUp(byte[] path) =>
        GuestPath.IsWithin(path, "/proc"u8) || GuestPath.IsWithin(path, "/dev"u8) || GuestPath.IsWithin(path, "/sys"u8);

    private void AddWritable(string path)
    {
        if (_options.Root == null)
        {
            byte[] host = HostPathOf(OpenHost(path), out int fd);
            MakeMountPoint(host);
            AddDescriptor(fd, host, host, isWritable: true);
            return;
        }

        byte[] target = Target(path);
        AddHost(_options.Root + Encoding.UTF8.GetString(target), target, isWritable: true);
    }

    private void AddProgram()
    {
        if (_options.Program == null || _options.Root != null)
        {
            return;
        }

        int fd = HostFile.OpenTrusted(Encoding.UTF8.GetBytes(_options.Program), OpenFlags.Path);
        if (fd < 0)
        {
            // Whoever loads the program reports why it can not be read.
            return;
        }

        byte[] host = HostPathOf(fd, out _);
        bool isCovered = !IsMadeUp(host) && !_mounts.Exists(mount => mount.Tree == null && IsIdentity(mount, host));
        if (!isCovered)
        {
            HostFile.Close(fd);
            return;
        }

        MakeMountPoint(GuestPath.Parent(host).ToArray());
        AddDescriptor(fd, host, host, isWritable: false);
    }

    /// <summary>Whether a host path is seen at its own name, through this mount.</summary>
    private bool IsIdentity(ViewMount mount, byte[] host) =>
        mount.GuestPath.AsSpan().SequenceEqual(mount.HostPath) && GuestPath.IsWithin(host, mount.HostPath)
        && !_mounts.Exists(other => other.GuestPath.Length > mount.GuestPath.Length && GuestPath.IsWithin(host, other.GuestPath));

    /// <summary>Makes the directories of a path below the private /tmp, so that what is mounted there can be listed.</summary>
    private void MakeMountPoint(byte[] path)
    {
        if (_privateDirectory == null || !GuestPath.IsWithin(path, "/tmp"u8))
        {
            return;
        }

        for (int end = 5; end <= path.Length; end++)
        {
            if (end == path.Length || path[end] == (byte)'/')
            {
                HostFile.MakeDirectoryTrusted([.. Encoding.UTF8.GetBytes(_privateDirectory.Path), .. path.AsSpan(0, end)], 0x1ed);
            }
        }
    }
}
