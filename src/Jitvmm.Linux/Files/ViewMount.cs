namespace Jitvmm.Linux.Files;

/// <summary>One place of the guest's name space and what answers there.</summary>
public sealed class ViewMount
{
    internal ViewMount(byte[] guestPath, byte[] hostPath, int hostFd, bool isWritable, bool isFile, SyntheticNode? tree)
    {
        GuestPath = guestPath;
        HostPath = hostPath;
        HostFd = hostFd;
        IsWritable = isWritable;
        IsFile = isFile;
        Tree = tree;
    }

    /// <summary>Absolute, without symbolic links, dots or a trailing slash; empty for the root.</summary>
    public byte[] GuestPath { get; }

    /// <summary>The host's name of it, in the same form; empty for the host's root and for trees the VMM makes up.</summary>
    public byte[] HostPath { get; }

    /// <summary>O_PATH descriptor from which everything below is walked; -1 for trees the VMM makes up.</summary>
    public int HostFd { get; }

    public bool IsWritable { get; }

    /// <summary>A single file, not a directory.</summary>
    public bool IsFile { get; }

    /// <summary>The root of a tree the VMM makes up, or null for the host's files.</summary>
    internal SyntheticNode? Tree { get; }

    /// <summary>Whether device files below may be opened (only with all of the host shared).</summary>
    internal bool AllowsDevices { get; init; }
}
