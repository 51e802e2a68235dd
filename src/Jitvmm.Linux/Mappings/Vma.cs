using Jitvmm.Runtime.Memory;

namespace Jitvmm.Linux.Mappings;

/// <summary>What a mapping is besides its permissions.</summary>
[Flags]
public enum VmaFlags : byte
{
    None = 0,
    Shared = 1,
    GrowsDown = 2,

    /// <summary>Not charged to the memory limit until it becomes writable (MAP_NORESERVE).</summary>
    NoReserve = 4,

    /// <summary>Anonymous memory.</summary>
    Anonymous = 8,
}

/// <summary>One line of /proc/self/maps: a range of guest pages mapped alike.</summary>
public sealed class Vma
{
    public Vma(ulong start, ulong end, PageAccess access, VmaFlags flags, MappedFile? file, ulong offset)
    {
        Start = start;
        End = end;
        Access = access;
        Flags = flags;
        File = file;
        Offset = offset;
    }

    public ulong Start { get; internal set; }

    /// <summary>First address past it.</summary>
    public ulong End { get; internal set; }

    /// <summary>Read, Write and Execute as the guest asked for them.</summary>
    public PageAccess Access { get; internal set; }

    public VmaFlags Flags { get; }

    public MappedFile? File { get; }

    /// <summary>File offset of <see cref="Start"/>.</summary>
    public ulong Offset { get; internal set; }

    public ulong Length => End - Start;

    public bool IsShared => (Flags & VmaFlags.Shared) != 0;

    public bool IsAnonymous => (Flags & VmaFlags.Anonymous) != 0;

    /// <summary>Whether the memory limit counts it: what can become memory of this process's own.</summary>
    internal bool IsCharged => (Access & PageAccess.Write) != 0 && (!IsShared || IsAnonymous);

    /// <summary>Whether <paramref name="next"/> continues this mapping as if both were made at once.</summary>
    internal bool Continues(Vma next) =>
        End == next.Start && Access == next.Access && Flags == next.Flags && Equals(File, next.File)
        && (File == null || File.Inode == 0 || Offset + Length == next.Offset);

    internal Vma Slice(ulong start, ulong end) => new(start, end, Access, Flags, File, Offset + (start - Start));
}
