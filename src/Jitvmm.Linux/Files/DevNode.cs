namespace Jitvmm.Linux.Files;

/// <summary>/dev: a handful of harmless devices of the host, terminals of the session, and links.</summary>
internal sealed class DevNode : DirectoryNode
{
    private const byte TypeCharacter = 2;
    private const byte TypeDirectory = 4;
    private const byte TypeLink = 10;

    private DevNode()
        : base(InodeOf("/dev"u8))
    {
    }

    public static DevNode Root { get; } = new();

    public override SyntheticNode? Lookup(ProcessFiles viewer, ReadOnlySpan<byte> name)
    {
        if (DeviceNode.IsShared(name))
        {
            return new DeviceNode([.. "/dev/"u8, .. name]);
        }

        return name switch
        {
            _ when name.SequenceEqual("ptmx"u8) => new DeviceNode("/dev/ptmx"u8.ToArray()),
            _ when name.SequenceEqual("pts"u8) => new TerminalsNode(),
            _ when name.SequenceEqual("fd"u8) => Link("/proc/self/fd"u8.ToArray()),
            _ when name.SequenceEqual("stdin"u8) => Link("/proc/self/fd/0"u8.ToArray()),
            _ when name.SequenceEqual("stdout"u8) => Link("/proc/self/fd/1"u8.ToArray()),
            _ when name.SequenceEqual("stderr"u8) => Link("/proc/self/fd/2"u8.ToArray()),
            _ => null,
        };
    }

    public override void List(ProcessFiles viewer, SyntheticListing listing)
    {
        foreach (string device in DeviceNode.Shared)
        {
            listing.Add(System.Text.Encoding.ASCII.GetBytes(device), TypeCharacter, 2);
        }

        listing.Add("ptmx"u8, TypeCharacter, 2);
        listing.Add("pts"u8, TypeDirectory, 3);
        listing.Add("shm"u8, TypeDirectory, 4);
        listing.Add("fd"u8, TypeLink, 5);
        listing.Add("stdin"u8, TypeLink, 6);
        listing.Add("stdout"u8, TypeLink, 7);
        listing.Add("stderr"u8, TypeLink, 8);
    }

    private static LinkNode Link(byte[] target) => new(InodeOf(target), _ => target);
}

/// <summary>One character device of the host.</summary>
internal sealed class DeviceNode(byte[] hostPath) : SyntheticNode
{
    /// <summary>Names in /dev that are the host's own device.</summary>
    public static string[] Shared { get; } = ["null", "zero", "full", "random", "urandom", "tty"];

    public override uint Mode => HostStat.TypeCharacter | 0x1b6;

    public override ulong Inode => (ulong)hostPath.Length;

    public static bool IsShared(ReadOnlySpan<byte> name) =>
        name.SequenceEqual("null"u8) || name.SequenceEqual("zero"u8) || name.SequenceEqual("full"u8)
        || name.SequenceEqual("random"u8) || name.SequenceEqual("urandom"u8) || name.SequenceEqual("tty"u8);

    public override int Open(ProcessFiles viewer, int flags) => HostFile.OpenTrusted(hostPath, flags);

    public override int Stat(ProcessFiles viewer, out HostStat stat)
    {
        int fd = HostFile.OpenTrusted(hostPath, OpenFlags.Path);
        if (fd < 0)
        {
            stat = default;
            return fd;
        }

        int error = HostFile.Stat(fd, out stat);
        HostFile.Close(fd);
        return error;
    }
}

/// <summary>/dev/pts: of the host's terminals, those the session opened the other end of, and those it was started on.</summary>
internal sealed class TerminalsNode() : DirectoryNode(InodeOf("/dev/pts"u8))
{
    private const byte TypeCharacter = 2;

    public override SyntheticNode? Lookup(ProcessFiles viewer, ReadOnlySpan<byte> name) =>
        int.TryParse(name, null, out int number) && number >= 0 && name[0] != (byte)'+' && viewer.Terminals.Contains(viewer, number)
            ? new DeviceNode([.. "/dev/pts/"u8, .. name])
            : null;

    public override void List(ProcessFiles viewer, SyntheticListing listing)
    {
        foreach (int number in viewer.Terminals.Numbers(viewer))
        {
            listing.AddNumber(number, TypeCharacter, (ulong)number + 3);
        }
    }
}

/// <summary>/sys: nothing but the directories that lead to the mounts below it.</summary>
internal sealed class SysNode : DirectoryNode
{
    private const byte TypeDirectory = 4;

    private readonly byte[] _path;

    private SysNode(byte[] path)
        : base(InodeOf(path)) => _path = path;

    public static SysNode Root { get; } = new("/sys"u8.ToArray());

    public override SyntheticNode? Lookup(ProcessFiles viewer, ReadOnlySpan<byte> name)
    {
        byte[] path = [.. _path, (byte)'/', .. name];
        return viewer.View.CoversMount(path) ? new SysNode(path) : null;
    }

    public override void List(ProcessFiles viewer, SyntheticListing listing)
    {
        List<byte[]> seen = [];
        foreach (ViewMount mount in viewer.View.Mounts)
        {
            if (mount.GuestPath.Length <= _path.Length || !GuestPath.IsWithin(mount.GuestPath, _path))
            {
                continue;
            }

            byte[] name = GuestPath.Next(mount.GuestPath.AsSpan(_path.Length), out _).ToArray();
            if (!seen.Exists(other => other.AsSpan().SequenceEqual(name)))
            {
                seen.Add(name);
                listing.Add(name, TypeDirectory, InodeOf([.. _path, (byte)'/', .. name]));
            }
        }
    }
}
