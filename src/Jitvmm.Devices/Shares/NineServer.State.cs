using Jitvmm.Devices.State;

namespace Jitvmm.Devices.Shares;

/// <summary>The session as saved state: each fid by the path of its place below the share, and how it is open.</summary>
internal sealed unsafe partial class NineServer : IStateful
{
    private const int MaximumPath = 4096;

    public void Save(StateWriter writer)
    {
        writer.Section("share", 1);
        writer.Int32(_messageSize);
        Span<byte> root = stackalloc byte[MaximumPath];
        Span<byte> pathBuffer = stackalloc byte[MaximumPath];
        root = root[..Math.Max(HostFiles.PathTo(_root, root), 0)];
        writer.Int32(_files.Count);
        foreach ((uint fid, NineFile file) in _files)
        {
            ReadOnlySpan<byte> path = pathBuffer[..Math.Max(HostFiles.PathTo(file.Place, pathBuffer), 0)];
            bool isBelow = IsBelow(root, path);
            writer.UInt32(fid);
            writer.Bool(isBelow);
            writer.Bytes(isBelow ? path[root.Length..] : default);
            writer.Int32(file.Open == NineFile.NotOpen ? NineFile.NotOpen : HostFiles.FlagsOf(file.Open) & PassedFlags);
        }
    }

    /// <summary>Files that are no longer where they were have no fid any more: to the guest they are bad ones.</summary>
    public void Restore(StateReader reader)
    {
        reader.Section("share", 1);
        Reset();
        _messageSize = Math.Clamp(reader.Int32(), SmallestMessage, MaximumMessage);
        for (int count = reader.Int32(); count > 0; count--)
        {
            uint fid = reader.UInt32();
            bool isBelow = reader.Bool();
            ReadOnlySpan<byte> path = reader.Bytes();
            int place = isBelow ? FindPlace(path) : -HostFiles.NoEntry;
            int flags = reader.Int32();
            if (place < 0)
            {
                continue;
            }

            // Checked as when the guest opened it, since it may be another file now; one that cannot be opened again is a fid that is not open.
            if (Add(fid, place) == 0 && flags != NineFile.NotOpen)
            {
                _ = Open(_files[fid], flags & PassedFlags & ~WritesTruncate, out HostFileStatus _);
            }
        }
    }

    /// <summary>Whether a path leads to a folder or into it. A place whose path is not known, or that the host has moved away, does not.</summary>
    private static bool IsBelow(ReadOnlySpan<byte> root, ReadOnlySpan<byte> path) =>
        root.Length > 0 && path.StartsWith(root) && (path.Length == root.Length || root[^1] == '/' || path[root.Length] == '/');

    /// <summary>From the share down a path, a name at a time as the guest came there.</summary>
    private int FindPlace(ReadOnlySpan<byte> path)
    {
        int place = HostFiles.Duplicate(_root);
        foreach (Range part in path.Split((byte)'/'))
        {
            ReadOnlySpan<byte> name = path[part];
            if (name.IsEmpty || place < 0)
            {
                continue;
            }

            int next = Step(place, name, out _);
            HostFiles.Close(place);
            place = next;
        }

        return place;
    }
}
