using System.Runtime.CompilerServices;

namespace Jitvmm.Linux.Files;

/// <summary>
/// What one guest descriptor stands for: a host descriptor of its own, and where in the view it was opened.
/// </summary>
/// <remarks>
/// Each guest descriptor has its own host descriptor; <c>dup</c> duplicates on the host too, so offsets,
/// epoll keys, record locks and last-close effects are the host kernel's. The object is counted: the table
/// holds one use, each running system call another. The host descriptor is closed by the last one, so a
/// number the guest closed can not be reused, by the VMM least of all, while a call still works on it.
/// </remarks>
public sealed class OpenFile
{
    private int _uses = 1;

    public OpenFile(int hostFd, FileKind kind, ViewMount? mount = null, byte[]? path = null)
    {
        HostFd = hostFd;
        Kind = kind;
        Mount = mount;
        Path = path;
    }

    /// <summary>The host's number. Never shown to the guest.</summary>
    public int HostFd { get; }

    public FileKind Kind { get; }

    /// <summary>The mount it was opened through; null for what has no name in the view.</summary>
    public ViewMount? Mount { get; }

    /// <summary>Guest path at the time of opening: always set for directories, else only where the host can not tell.</summary>
    public byte[]? Path { get; }

    /// <summary>State of the kinds the VMM implements: <see cref="SyntheticListing"/>, <see cref="SyntheticNode"/>, a signal mask.</summary>
    public object? Detail { get; init; }

    /// <summary>
    /// Whether the guest may change the inode (mode, owner, times, attributes) or open it anew for writing
    /// through this descriptor: it came from a writable mount, or the guest made it.
    /// </summary>
    public bool MayChangeInode { get; init; }

    public bool IsDirectory => Kind is FileKind.Directory or FileKind.SyntheticDirectory;

    /// <summary>Adds a use unless the file is already closed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryAcquire()
    {
        int uses = Volatile.Read(ref _uses);
        while (uses > 0)
        {
            int seen = Interlocked.CompareExchange(ref _uses, uses + 1, uses);
            if (seen == uses)
            {
                return true;
            }

            uses = seen;
        }

        return false;
    }

    /// <summary>Drops a use; the last one closes the host descriptor and returns what the host's close said.</summary>
    public int Release() => Interlocked.Decrement(ref _uses) == 0 ? HostFile.Close(HostFd) : 0;

    /// <summary>A second description-sharing file with a host descriptor of its own, or a negated errno.</summary>
    public int Duplicate(out OpenFile copy)
    {
        int hostFd = HostFile.Duplicate(HostFd);
        copy = hostFd < 0 ? this : With(hostFd);
        return hostFd < 0 ? hostFd : 0;
    }

    /// <summary>The same place and state under another host descriptor.</summary>
    public OpenFile With(int hostFd) => new(hostFd, Kind, Mount, Path) { Detail = Detail, MayChangeInode = MayChangeInode };
}
