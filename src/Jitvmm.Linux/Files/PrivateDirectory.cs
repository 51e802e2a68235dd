using System.Text;

namespace Jitvmm.Linux.Files;

/// <summary>
/// The directory in the host's /tmp that holds a session's own /tmp and /dev/shm. Every process of the session holds a
/// lock on it, by inheriting one descriptor: what is not locked belongs to a session that was killed, and goes when the next
/// one starts.
/// </summary>
internal sealed unsafe class PrivateDirectory
{
    private const long SysGetDirectoryEntries = 217;
    private const long SysLock = 73;
    private const long SysEffectiveUser = 107;
    private const int LockShared = 1;
    private const int LockExclusive = 2;
    private const int LockNoWait = 4;
    private const int EntriesSize = 16 << 10;
    private const int EntryName = 19;

    /// <summary>A start is not to take long, whatever was left: the next ones take more.</summary>
    private const int MaxRemoved = 4;

    private readonly int _fd;

    private PrivateDirectory(string path, int fd)
    {
        Path = path;
        _fd = fd;
    }

    public string Path { get; }

    private static ReadOnlySpan<byte> Prefix => "jitvmm-run-"u8;

    /// <exception cref="IOException">The host's /tmp does not take it.</exception>
    public static PrivateDirectory Create()
    {
        RemoveAbandoned();
        long stamp = Environment.TickCount64 ^ (Environment.ProcessId * 1_000_003L);
        for (; ; stamp++)
        {
            string path = $"/tmp/{Encoding.ASCII.GetString(Prefix)}{stamp:x}";
            byte[] bytes = Encoding.ASCII.GetBytes(path);
            int made = HostFile.MakeDirectoryTrusted(bytes, 0x1c0);
            if (made == -Errno.EEXIST)
            {
                continue;
            }

            int fd = made < 0 ? made : HostFile.OpenTrusted(bytes, OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow);
            if (fd >= 0 && HostSyscall.Raw(SysLock, (ulong)fd, LockShared) == 0 && HostFile.Stat(fd, out HostStat stat) == 0 && stat.Links > 0)
            {
                return new PrivateDirectory(path, fd);
            }

            if (fd < 0 && fd != -Errno.ENOENT)
            {
                throw new IOException($"cannot create {path}: {Errno.NameOf(-fd)}");
            }

            // A session that started meanwhile took it for an abandoned one, before the lock.
            HostFile.Close(fd);
        }
    }

    /// <summary>Removes it with all that is in it; what cannot be removed is the reason returned.</summary>
    public Exception? Remove()
    {
        Exception? error = Delete(Path);
        HostFile.Close(_fd);
        return error;
    }

    private static Exception? Delete(string path)
    {
        try
        {
            // A guest that left nothing behind is the common case, and enumerating is slow to start.
            HostFile.RemoveDirectoryTrusted(Encoding.ASCII.GetBytes(path + "/tmp"));
            HostFile.RemoveDirectoryTrusted(Encoding.ASCII.GetBytes(path + "/shm"));
            if (HostFile.RemoveDirectoryTrusted(Encoding.ASCII.GetBytes(path)) < 0)
            {
                Directory.Delete(path, recursive: true);
            }

            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A guest process that outlives the session may be making files there meanwhile: they stay, in
            // the host's temporary directory, as they would natively.
            return error;
        }
    }

    private static void RemoveAbandoned()
    {
        int fd = HostFile.OpenTrusted("/tmp"u8, OpenFlags.ReadOnly | OpenFlags.Directory);
        if (fd < 0)
        {
            return;
        }

        byte* buffer = stackalloc byte[EntriesSize];
        int removed = 0;
        long count;
        while (removed < MaxRemoved && (count = HostSyscall.Raw(SysGetDirectoryEntries, (ulong)fd, (ulong)buffer, EntriesSize)) > 0)
        {
            for (long at = 0; at < count && removed < MaxRemoved; at += *(ushort*)(buffer + at + 16))
            {
                ReadOnlySpan<byte> name = System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpanFromNullTerminated(buffer + at + EntryName);
                removed += name.StartsWith(Prefix) && Ascii.IsValid(name) && RemoveIfAbandoned("/tmp/" + Encoding.ASCII.GetString(name)) ? 1 : 0;
            }
        }

        HostFile.Close(fd);
    }

    private static bool RemoveIfAbandoned(string path)
    {
        int fd = HostFile.OpenTrusted(Encoding.ASCII.GetBytes(path), OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow);
        if (fd < 0)
        {
            return false;
        }

        bool isOwn = HostFile.Stat(fd, out HostStat stat) == 0 && stat.User == (uint)HostSyscall.Raw(SysEffectiveUser);
        bool isAbandoned = isOwn && HostSyscall.Raw(SysLock, (ulong)fd, LockExclusive | LockNoWait) == 0;
        if (isAbandoned)
        {
            _ = Delete(path);
        }

        HostFile.Close(fd);
        return isAbandoned;
    }
}
