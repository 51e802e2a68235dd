using System.Buffers.Binary;

namespace Jitvmm.Devices.Shares;

/// <summary>Requests about folders and names.</summary>
internal sealed unsafe partial class NineServer
{
    private const int SlotFrom = 0;
    private const int SlotTo = 1;
    private const int MaximumTarget = 4095;
    private const uint KindMask = 0xf000;
    private const uint Pipe = 0x1000;
    private const uint RegularFile = 0x8000;
    private const uint Socket = 0xc000;

    private byte[] _entries = [];

    private int ReadFolder(ref NineReader reader, ref NineWriter writer)
    {
        NineFile? folder = Find(reader.UInt32());
        ulong position = reader.UInt64();
        uint count = reader.UInt32();
        if (folder == null || folder.Open == NineFile.NotOpen)
        {
            return HostFiles.BadFile;
        }

        int room = (int)Math.Min(count, (uint)(writer.Rest.Length - 4));
        if (_entries.Length == 0)
        {
            _entries = new byte[64 * 1024];
        }

        nint length = HostFiles.Entries(folder.Open, _entries, position);
        if (length < 0)
        {
            return (int)-length;
        }

        int countAt = writer.Length;
        writer.UInt32(0);
        int start = writer.Length;
        ReadOnlySpan<byte> rest = _entries.AsSpan(0, (int)length);
        while (rest.Length >= 19)
        {
            // struct linux_dirent64: number, position of the next, length of the record, kind, name.
            int size = BinaryPrimitives.ReadUInt16LittleEndian(rest[16..]);
            ReadOnlySpan<byte> name = rest[19..size];
            name = name[..Math.Max(name.IndexOf((byte)0), 0)];
            if (writer.Length - start + 24 + name.Length > room)
            {
                break;
            }

            byte kind = rest[18];
            writer.Byte(kind == 4 ? (byte)0x80 : kind == 10 ? (byte)2 : (byte)0);
            writer.UInt32(0);
            writer.UInt64(BinaryPrimitives.ReadUInt64LittleEndian(rest));
            writer.UInt64(BinaryPrimitives.ReadUInt64LittleEndian(rest[8..]));
            writer.Byte(kind);
            writer.Text(name);
            rest = rest[size..];
        }

        int end = writer.Length;
        writer.Advance(countAt - end);
        writer.UInt32((uint)(end - start));
        writer.Advance(end - writer.Length);
        return 0;
    }

    private int MakeFolder(ref NineReader reader, ref NineWriter writer)
    {
        NineFile? folder = Find(reader.UInt32());
        byte* name = Name(reader.Text(), SlotFrom);
        uint mode = reader.UInt32();
        int error = CheckChange(folder, name);
        error = error != 0 ? error : -HostFiles.MakeFolder(folder!.Place, name, mode & (PermissionBits | 0x200));
        return error != 0 ? error : Describe(folder!, name, ref writer);
    }

    private int MakeNode(ref NineReader reader, ref NineWriter writer)
    {
        NineFile? folder = Find(reader.UInt32());
        byte* name = Name(reader.Text(), SlotFrom);
        uint mode = reader.UInt32();
        int error = CheckChange(folder, name);
        if (error == 0 && (mode & KindMask) is not (Pipe or RegularFile or Socket))
        {
            error = HostFiles.NotPermitted;
        }

        error = error != 0 ? error : -HostFiles.MakeNode(folder!.Place, name, mode & (KindMask | PermissionBits));
        return error != 0 ? error : Describe(folder!, name, ref writer);
    }

    private int MakeLink(ref NineReader reader, ref NineWriter writer)
    {
        NineFile? folder = Find(reader.UInt32());
        byte* name = Name(reader.Text(), SlotFrom);
        byte* target = Name(reader.Text(), SlotTo, MaximumTarget);
        int error = target == null ? HostFiles.Invalid : CheckChange(folder, name);
        error = error != 0 ? error : -HostFiles.MakeLink(target, folder!.Place, name);
        return error != 0 ? error : Describe(folder!, name, ref writer);
    }

    private int ReadLink(ref NineReader reader, ref NineWriter writer)
    {
        NineFile? file = Find(reader.UInt32());
        if (file == null)
        {
            return HostFiles.BadFile;
        }

        Span<byte> target = _names.AsSpan(0, MaximumTarget);
        nint length = HostFiles.ReadLink(file.Place, target);
        if (length < 0)
        {
            return (int)-length;
        }

        // The longest target does not fit the smallest message.
        if (length > writer.Rest.Length - 2)
        {
            return HostFiles.NameTooLong;
        }

        writer.Text(target[..(int)length]);
        return 0;
    }

    private int LinkFile(ref NineReader reader)
    {
        NineFile? folder = Find(reader.UInt32());
        NineFile? file = Find(reader.UInt32());
        byte* name = Name(reader.Text(), SlotFrom);
        int error = file == null ? HostFiles.BadFile : CheckChange(folder, name);
        if (error == 0)
        {
            error = -HostFiles.Status(file!.Place, out HostFileStatus status);

            // Linking goes by a path of the host's that follows links.
            error = error == 0 && status.IsLink ? HostFiles.NotPermitted : error;
        }

        return error != 0 ? error : -HostFiles.Link(file!.Place, folder!.Place, name);
    }

    private int Rename(ref NineReader reader)
    {
        NineFile? fromFolder = Find(reader.UInt32());
        byte* from = Name(reader.Text(), SlotFrom);
        NineFile? toFolder = Find(reader.UInt32());
        byte* to = Name(reader.Text(), SlotTo);
        int error = CheckChange(fromFolder, from);
        error = error != 0 ? error : CheckChange(toFolder, to);
        return error != 0 ? error : -HostFiles.Rename(fromFolder!.Place, from, toFolder!.Place, to);
    }

    private int Unlink(ref NineReader reader)
    {
        const uint RemoveFolder = 0x200;
        NineFile? folder = Find(reader.UInt32());
        byte* name = Name(reader.Text(), SlotFrom);
        uint flags = reader.UInt32();
        int error = CheckChange(folder, name);
        return error != 0 ? error : -HostFiles.Remove(folder!.Place, name, (int)(flags & RemoveFolder));
    }

    private int FileSystemStatus(ref NineReader reader, ref NineWriter writer)
    {
        const uint V9fsMagic = 0x01021997;
        NineFile? file = Find(reader.UInt32());
        if (file == null)
        {
            return HostFiles.BadFile;
        }

        // struct statfs: type, block size, blocks, free, available, files, free files, id, longest name.
        ulong* status = stackalloc ulong[15];
        int error = -HostFiles.FileSystem(file.Place, status);
        writer.UInt32(V9fsMagic);
        writer.UInt32((uint)status[1]);
        for (int i = 2; i <= 7; i++)
        {
            writer.UInt64(status[i]);
        }

        writer.UInt32((uint)status[8]);
        return error;
    }

    /// <summary>The identity of what was just made.</summary>
    private static int Describe(NineFile folder, byte* name, ref NineWriter writer)
    {
        int place = HostFiles.Open(folder.Place, name, HostFiles.PathOnly);
        if (place < 0)
        {
            return -place;
        }

        int error = -HostFiles.Status(place, out HostFileStatus status);
        HostFiles.Close(place);
        writer.Identity(status);
        return error;
    }
}
