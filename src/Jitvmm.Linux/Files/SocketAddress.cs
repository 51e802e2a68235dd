using System.Buffers.Binary;

namespace Jitvmm.Linux.Files;

/// <summary>
/// A socket address on its way between guest and host. Local sockets with a path are reached through a
/// descriptor found in the view ("/proc/self/fd/N"), so no path of the guest's reaches the host; abstract names
/// get a prefix of the session's, unless the network is the host's. Dispose it.
/// </summary>
internal unsafe ref struct SocketAddress(Span<byte> buffer)
{
    /// <summary>Bytes of struct sockaddr_storage.</summary>
    public const int Size = 128;

    /// <summary>Bytes the buffer must have.</summary>
    public const int BufferSize = Size + DirectoryEntry.BufferSize;

    public const int FamilyLocal = 1;
    public const int FamilyInternet = 2;
    public const int FamilyInternet6 = 10;
    public const int FamilyNetlink = 16;

    private const int PathOffset = 2;
    private const int MaximumPath = 108;

    private readonly Span<byte> _bytes = buffer[..Size];
    private readonly Span<byte> _entryBuffer = buffer[Size..];
    private int _fd = -1;

    /// <summary>The address for the host.</summary>
    public readonly Span<byte> Bytes => _bytes[..Length];

    public int Length { get; private set; }

    public int Family { get; private set; }

    /// <summary>The guest's path of a local address, or null.</summary>
    public byte[]? Path { get; private set; }

    /// <summary>Reads an address the guest gave. A length of 0 is no address.</summary>
    public int Read(GuestThread thread, ulong address, uint length)
    {
        if (length > Size)
        {
            return -Errno.EINVAL;
        }

        Length = (int)length;
        _bytes.Clear();
        if (!thread.TryReadBytes(address, _bytes[..Length]))
        {
            return -Errno.EFAULT;
        }

        Family = Length >= 2 ? BinaryPrimitives.ReadUInt16LittleEndian(_bytes) : 0;
        return 0;
    }

    /// <summary>Makes a local address name an existing socket for the host. Other families stay.</summary>
    public int ResolveExisting(GuestThread thread)
    {
        if (Family != FamilyLocal || Length <= PathOffset)
        {
            return 0;
        }

        if (_bytes[PathOffset] == 0)
        {
            return AddSessionPrefix(thread.Files.View);
        }

        byte[] path = TakePath();
        OpenFile? start = thread.AcquireStart(OpenFlags.AtFdCwd, path, out _);
        int error = thread.Files.Locate(start, path, follow: true, out Located located);
        start?.Release();
        if (error < 0)
        {
            return error;
        }

        if (located.Node != null || located.Stat(thread.Files, out HostStat stat) < 0 || stat.Type != HostStat.TypeSocket)
        {
            located.Dispose();
            return -Errno.ECONNREFUSED;
        }

        // A server of the host's is more than a file to read.
        if (located.Mount is { IsWritable: false } && !thread.Files.View.Options.HasNetwork)
        {
            located.Dispose();
            return -Errno.EACCES;
        }

        _fd = located.Fd;
        Path = path;
        return SetHostPath(default);
    }

    /// <summary>Makes a local address name a socket to be created. Other families stay.</summary>
    public int ResolveNew(GuestThread thread)
    {
        if (Family != FamilyLocal || Length <= PathOffset)
        {
            return 0;
        }

        if (_bytes[PathOffset] == 0)
        {
            return AddSessionPrefix(thread.Files.View);
        }

        byte[] path = TakePath();
        OpenFile? start = thread.AcquireStart(OpenFlags.AtFdCwd, path, out _);
        scoped DirectoryEntry entry = new(_entryBuffer);
        int error = entry.Find(thread.Files, start, path);
        start?.Release();
        if (error == 0)
        {
            error = !entry.IsName || entry.IsBusy ? -Errno.EADDRINUSE : entry.CheckChange();
        }

        if (error < 0)
        {
            entry.Dispose();
            return error;
        }

        // The entry's descriptor is this one's from here on.
        _fd = entry.Fd;
        Path = path;
        return SetHostPath(entry.Name[..^1]);
    }

    /// <summary>
    /// Turns an address the host wrote into the guest's.
    /// </summary>
    /// <param name="view">Whose session.</param>
    /// <param name="bytes">The address; changed in place.</param>
    /// <param name="length">Its length as the host gave it.</param>
    /// <param name="known">The guest's path, where the VMM knows it.</param>
    /// <returns>Its length for the guest.</returns>
    public static int ToGuest(FileSystemView view, Span<byte> bytes, int length, byte[]? known)
    {
        if (length <= PathOffset || BinaryPrimitives.ReadUInt16LittleEndian(bytes) != FamilyLocal)
        {
            return length;
        }

        Span<byte> path = bytes[PathOffset..Math.Min(length, bytes.Length)];
        ReadOnlySpan<byte> prefix = view.AbstractPrefix;
        if (path[0] == 0)
        {
            if (prefix.IsEmpty || !path[1..].StartsWith(prefix))
            {
                return length;
            }

            path[(1 + prefix.Length)..].CopyTo(path[1..]);
            return length - prefix.Length;
        }

        if (!path.StartsWith("/proc/self/fd/"u8))
        {
            return length;
        }

        // Another process's name for its socket: the guest could not use it, so the socket looks unnamed.
        path.Clear();
        if (known == null)
        {
            return PathOffset;
        }

        known.CopyTo(bytes[PathOffset..]);
        return PathOffset + known.Length + 1;
    }

    public void Dispose()
    {
        if (_fd >= 0)
        {
            HostFile.Close(_fd);
            _fd = -1;
        }
    }

    private readonly byte[] TakePath()
    {
        ReadOnlySpan<byte> path = _bytes[PathOffset..Math.Min(Length, PathOffset + MaximumPath)];
        int end = path.IndexOf((byte)0);
        return path[..(end < 0 ? path.Length : end)].ToArray();
    }

    private int SetHostPath(scoped ReadOnlySpan<byte> name)
    {
        Span<byte> path = _bytes[PathOffset..];
        path.Clear();
        int length;
        fixed (byte* to = path)
        {
            length = HostFile.DescriptorPath(_fd, to);
        }

        if (!name.IsEmpty)
        {
            if (length + 1 + name.Length >= MaximumPath)
            {
                return -Errno.ENAMETOOLONG;
            }

            path[length++] = (byte)'/';
            name.CopyTo(path[length..]);
            length += name.Length;
        }

        Length = PathOffset + length + 1;
        return 0;
    }

    private int AddSessionPrefix(FileSystemView view)
    {
        ReadOnlySpan<byte> prefix = view.AbstractPrefix;
        if (Length + prefix.Length > PathOffset + MaximumPath)
        {
            return -Errno.EINVAL;
        }

        Span<byte> name = _bytes[(PathOffset + 1)..Length];
        name.CopyTo(_bytes[(PathOffset + 1 + prefix.Length)..]);
        prefix.CopyTo(_bytes[(PathOffset + 1)..]);
        Length += prefix.Length;
        return 0;
    }
}
