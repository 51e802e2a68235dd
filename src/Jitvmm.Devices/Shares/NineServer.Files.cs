namespace Jitvmm.Devices.Shares;

/// <summary>Requests about files: open, read, write, attributes.</summary>
internal sealed unsafe partial class NineServer
{
    private const int AccessMode = 3;
    private const int WritesTruncate = 0x200;

    // O_APPEND, O_TRUNC, O_NONBLOCK, O_DSYNC, O_SYNC, O_DIRECTORY, O_NOATIME is not passed on.
    private const int PassedFlags = AccessMode | 0x400 | WritesTruncate | 0x1000 | 0x100000 | 0x10000;
    private const int Exclusive = 0x80;
    private const int CreateFlag = 0x40;
    private const int ReadHeader = HeaderSize + 4;

    private int Open(ref NineReader reader, ref NineWriter writer)
    {
        NineFile? file = Find(reader.UInt32());
        int flags = (int)reader.UInt32() & PassedFlags;
        if (file == null || file.Open != NineFile.NotOpen)
        {
            return HostFiles.BadFile;
        }

        int error = Open(file, flags, out HostFileStatus status);
        if (error == 0)
        {
            writer.Identity(status);
            writer.UInt32(0);
        }

        return error;
    }

    private int Open(NineFile file, int flags, out HostFileStatus status)
    {
        int error = -HostFiles.Status(file.Place, out status);
        if (error != 0)
        {
            return error;
        }

        if (!status.IsFile && !status.IsFolder)
        {
            return HostFiles.AccessDenied;
        }

        if (_isReadOnly && (flags & (AccessMode | WritesTruncate)) != 0)
        {
            return HostFiles.ReadOnlyFileSystem;
        }

        int opened = HostFiles.Reopen(file.Place, flags);
        if (opened < 0)
        {
            return -opened;
        }

        file.Open = opened;
        return 0;
    }

    private int Create(ref NineReader reader, ref NineWriter writer)
    {
        NineFile? folder = Find(reader.UInt32());
        byte* name = Name(reader.Text(), 0);
        int flags = (int)reader.UInt32();
        uint mode = reader.UInt32() & PermissionBits;
        int error = CheckChange(folder, name);
        if (error != 0 || folder!.Open != NineFile.NotOpen)
        {
            return error != 0 ? error : HostFiles.BadFile;
        }

        // What has the name already may be a pipe, which is refused below.
        int opened = HostFiles.Open(folder.Place, name, (flags & (PassedFlags | Exclusive)) | CreateFlag | HostFiles.NonBlocking, mode);
        if (opened < 0)
        {
            return -opened;
        }

        int place = HostFiles.Open(folder.Place, name, HostFiles.PathOnly);
        error = place < 0 ? -place : -HostFiles.Status(opened, out HostFileStatus status);
        status = default;
        if (error == 0)
        {
            error = -HostFiles.Status(opened, out status);
        }

        if (error != 0 || !status.IsFile)
        {
            HostFiles.Close(opened);
            if (place >= 0)
            {
                HostFiles.Close(place);
            }

            return error != 0 ? error : HostFiles.AccessDenied;
        }

        folder.Move(place);
        folder.Open = opened;
        writer.Identity(status);
        writer.UInt32(0);
        return 0;
    }

    private int Read(ref NineReader reader, ref NineWriter writer)
    {
        NineFile? file = Find(reader.UInt32());
        ulong offset = reader.UInt64();
        uint count = reader.UInt32();
        if (file == null || file.Open == NineFile.NotOpen)
        {
            return HostFiles.BadFile;
        }

        int room = (int)Math.Min(count, (uint)(writer.Rest.Length - 4));
        nint read = HostFiles.Read(file.Open, writer.Rest.Slice(4, room), offset);
        if (read < 0)
        {
            return (int)-read;
        }

        writer.UInt32((uint)read);
        writer.Advance((int)read);
        return 0;
    }

    private int Write(ref NineReader reader, ref NineWriter writer)
    {
        NineFile? file = Find(reader.UInt32());
        ulong offset = reader.UInt64();
        ReadOnlySpan<byte> data = reader.Block();
        if (file == null || file.Open == NineFile.NotOpen || !reader.IsWhole)
        {
            return HostFiles.BadFile;
        }

        nint written = HostFiles.Write(file.Open, data, offset);
        writer.UInt32((uint)Math.Max(written, 0));
        return written < 0 ? (int)-written : 0;
    }

    private int Synchronize(ref NineReader reader)
    {
        NineFile? file = Find(reader.UInt32());
        uint dataOnly = reader.UInt32();
        return file == null || file.Open == NineFile.NotOpen ? HostFiles.BadFile : -HostFiles.Synchronize(file.Open, dataOnly != 0);
    }

    private int GetAttributes(ref NineReader reader, ref NineWriter writer)
    {
        const ulong Basic = 0x7ff;
        NineFile? file = Find(reader.UInt32());
        _ = reader.UInt64();
        if (file == null)
        {
            return HostFiles.BadFile;
        }

        int error = -HostFiles.Status(file.Place, out HostFileStatus status);
        writer.UInt64(Basic);
        writer.Identity(status);
        writer.UInt32(status.Mode);
        writer.UInt32(status.User);
        writer.UInt32(status.Group);
        foreach (ulong value in (ReadOnlySpan<ulong>)
        [
            status.Links, status.DeviceNumber, status.Size, status.BlockSize, status.Blocks, status.AccessSeconds, status.AccessNanoseconds,
            status.ChangeSeconds, status.ChangeNanoseconds, status.StatusSeconds, status.StatusNanoseconds, 0, 0, 0, 0,
        ])
        {
            writer.UInt64(value);
        }

        return error;
    }

    private int SetAttributes(ref NineReader reader)
    {
        const uint Mode = 1;
        const uint User = 2;
        const uint Group = 4;
        const uint Size = 8;
        const uint AccessTime = 0x10;
        const uint ChangeTime = 0x20;
        const uint AccessTimeGiven = 0x80;
        const uint ChangeTimeGiven = 0x100;
        NineFile? file = Find(reader.UInt32());
        uint valid = reader.UInt32();
        uint mode = reader.UInt32();
        uint user = reader.UInt32();
        uint group = reader.UInt32();
        ulong size = reader.UInt64();
        long* times = stackalloc long[4];
        for (int i = 0; i < 4; i++)
        {
            times[i] = (long)reader.UInt64();
        }

        if (file == null || !reader.IsWhole)
        {
            return HostFiles.BadFile;
        }

        int error = _isReadOnly ? HostFiles.ReadOnlyFileSystem : -HostFiles.Status(file.Place, out HostFileStatus status);
        status = default;
        if (error != 0 || HostFiles.Status(file.Place, out status) < 0)
        {
            return error;
        }

        // What acts on a path would follow a link out of the share.
        bool isPlain = status.IsFile || status.IsFolder;
        if ((valid & (User | Group)) != 0)
        {
            error = -HostFiles.SetOwner(file.Place, (valid & User) != 0 ? user : uint.MaxValue, (valid & Group) != 0 ? group : uint.MaxValue);
        }

        if (error == 0 && isPlain && (valid & Mode) != 0)
        {
            error = -HostFiles.SetMode(file.Place, mode & PermissionBits);
        }

        if (error == 0 && status.IsFile && (valid & Size) != 0)
        {
            error = size > long.MaxValue ? HostFiles.Invalid : -HostFiles.SetLength(file.Place, size);
        }

        if (error == 0 && isPlain && (valid & (AccessTime | ChangeTime)) != 0)
        {
            ChooseTime(times, (valid & AccessTime) != 0, (valid & AccessTimeGiven) != 0);
            ChooseTime(times + 2, (valid & ChangeTime) != 0, (valid & ChangeTimeGiven) != 0);
            error = -HostFiles.SetTimes(file.Place, times);
        }

        return error;
    }

    /// <summary>Given, now, or as it is (utimensat's special nanoseconds).</summary>
    private static void ChooseTime(long* time, bool changes, bool isGiven)
    {
        const long Now = (1 << 30) - 1;
        const long Unchanged = (1 << 30) - 2;
        if (!changes || !isGiven)
        {
            time[0] = 0;
            time[1] = changes ? Now : Unchanged;
        }
    }

    private static int LockFile(ref NineReader reader, ref NineWriter writer)
    {
        // The guest's kernel keeps locks among its own processes; other machines do not see them.
        _ = reader.UInt32();
        writer.Byte(0);
        return 0;
    }

    private static int GetLock(ref NineReader reader, ref NineWriter writer)
    {
        const byte Unlocked = 2;
        _ = reader.UInt32();
        _ = reader.Byte();
        ulong start = reader.UInt64();
        ulong length = reader.UInt64();
        uint process = reader.UInt32();
        writer.Byte(Unlocked);
        writer.UInt64(start);
        writer.UInt64(length);
        writer.UInt32(process);
        writer.Text(reader.Text() is { Length: < 256 } client ? client : default);
        return 0;
    }

    /// <summary>Whether a name may be made, changed or removed in a folder.</summary>
    private int CheckChange(NineFile? folder, byte* name)
    {
        if (folder == null)
        {
            return HostFiles.BadFile;
        }

        return name == null ? HostFiles.Invalid : _isReadOnly ? HostFiles.ReadOnlyFileSystem : 0;
    }
}
