using System.Text;
using Jitvmm.Devices.Loading;

namespace Jitvmm.Devices.Shares;

/// <summary>
/// Serves one folder of the host by 9P2000.L (the protocol of Linux's v9fs; diod's protocol.md describes it). This file: sessions, fids, names. NineServer.Files.cs and
/// NineServer.Folders.cs: the requests.
/// </summary>
/// <remarks>
/// A guest reaches only what is below the folder: names are single components, links are the guest's to follow, and "..", which v9fs never sends, is refused. It gets no
/// set-user-id bits and no device nodes onto the host, and opens nothing but files and folders.
/// </remarks>
internal sealed unsafe partial class NineServer : IDisposable
{
    public const int MaximumMessage = 512 * 1024;

    private const int HeaderSize = 7;
    private const int SmallestMessage = 4096;
    private const int MaximumFiles = 16384;
    private const int MaximumName = 255;
    private const byte ErrorReply = 7;
    private const uint PermissionBits = 0x1ff;

    private readonly Dictionary<uint, NineFile> _files = [];
    private readonly byte[] _names = GC.AllocateArray<byte>(4 * 4096, pinned: true);
    private readonly int _root;
    private readonly bool _isReadOnly;
    private int _messageSize = MaximumMessage;

    /// <exception cref="BootException">The folder cannot be opened.</exception>
    public NineServer(string path, bool isReadOnly)
    {
        _isReadOnly = isReadOnly;
        fixed (byte* name = Encoding.UTF8.GetBytes(path + "\0"))
        {
            _root = HostFiles.OpenRoot(name);
        }

        if (_root < 0)
        {
            throw new BootException($"share {path}: {System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage(-_root)}");
        }
    }

    /// <summary>Forgets all fids: the guest's driver starts anew.</summary>
    public void Reset()
    {
        foreach (NineFile file in _files.Values)
        {
            file.Dispose();
        }

        _files.Clear();
        _messageSize = MaximumMessage;
    }

    public void Dispose()
    {
        Reset();
        HostFiles.Close(_root);
    }

    /// <summary>Answers a request. The reply buffer has room for the largest message; the reply's length is returned.</summary>
    public int Answer(ReadOnlySpan<byte> request, Span<byte> reply)
    {
        var reader = new NineReader(request);
        _ = reader.UInt32();
        byte type = reader.Byte();
        ushort tag = reader.UInt16();
        var writer = new NineWriter(reply[..Math.Min(reply.Length, _messageSize)]);
        writer.UInt32(0);
        writer.Byte((byte)(type + 1));
        writer.UInt16(tag);
        int error = reader.IsWhole ? Dispatch(type, ref reader, ref writer) : HostFiles.Invalid;
        if (error == 0 && !reader.IsWhole)
        {
            error = HostFiles.Invalid;
        }

        int length = writer.Length;
        if (error != 0)
        {
            reply[4] = ErrorReply;
            BitConverter.TryWriteBytes(reply[HeaderSize..], error);
            length = HeaderSize + 4;
        }

        BitConverter.TryWriteBytes(reply, length);
        return length;
    }

    private int Dispatch(byte type, ref NineReader reader, ref NineWriter writer) => type switch
    {
        8 => FileSystemStatus(ref reader, ref writer),
        12 => Open(ref reader, ref writer),
        14 => Create(ref reader, ref writer),
        16 => MakeLink(ref reader, ref writer),
        18 => MakeNode(ref reader, ref writer),
        22 => ReadLink(ref reader, ref writer),
        24 => GetAttributes(ref reader, ref writer),
        26 => SetAttributes(ref reader),
        40 => ReadFolder(ref reader, ref writer),
        50 => Synchronize(ref reader),
        52 => LockFile(ref reader, ref writer),
        54 => GetLock(ref reader, ref writer),
        70 => LinkFile(ref reader),
        72 => MakeFolder(ref reader, ref writer),
        74 => Rename(ref reader),
        76 => Unlink(ref reader),
        100 => Negotiate(ref reader, ref writer),
        104 => Attach(ref reader, ref writer),
        108 => 0,
        110 => Walk(ref reader, ref writer),
        116 => Read(ref reader, ref writer),
        118 => Write(ref reader, ref writer),
        120 => Forget(ref reader, 0),
        122 => Forget(ref reader, HostFiles.NotSupported),

        // Renaming and removing by fid have successors by name; extended attributes and authentication are not offered.
        _ => HostFiles.NotSupported,
    };

    private int Negotiate(ref NineReader reader, ref NineWriter writer)
    {
        uint size = reader.UInt32();
        bool isKnown = reader.Text().SequenceEqual("9P2000.L"u8);
        if (size < SmallestMessage)
        {
            return HostFiles.Invalid;
        }

        Reset();
        _messageSize = (int)Math.Min(size, MaximumMessage);
        writer.UInt32((uint)_messageSize);
        writer.Text(isKnown ? "9P2000.L"u8 : "unknown"u8);
        return 0;
    }

    private int Attach(ref NineReader reader, ref NineWriter writer)
    {
        uint fid = reader.UInt32();
        int place = HostFiles.Duplicate(_root);
        int error = place < 0 ? -place : Add(fid, place);
        if (error != 0)
        {
            return error;
        }

        error = -HostFiles.Status(place, out HostFileStatus status);
        writer.Identity(status);
        return error;
    }

    /// <summary>From one fid by names to another; without names a copy.</summary>
    private int Walk(ref NineReader reader, ref NineWriter writer)
    {
        const int MaximumNames = 16;
        NineFile? from = Find(reader.UInt32());
        uint fid = reader.UInt32();
        int count = reader.UInt16();
        if (from == null || count > MaximumNames)
        {
            return from == null ? HostFiles.BadFile : HostFiles.Invalid;
        }

        int place = HostFiles.Duplicate(from.Place);
        int error = place < 0 ? -place : 0;
        int countAt = writer.Length;
        int walked = 0;
        writer.UInt16(0);
        while (error == 0 && walked < count)
        {
            int next = Step(place, reader.Text(), out HostFileStatus status);
            if (next < 0)
            {
                error = -next;
                break;
            }

            HostFiles.Close(place);
            place = next;
            writer.Identity(status);
            walked++;
        }

        // A walk that ends early says how far it came, unless it did not even begin; the new fid is then not made.
        if (walked == count && error == 0)
        {
            error = Add(fid, place);
        }
        else if (place >= 0)
        {
            HostFiles.Close(place);
        }

        if (walked == 0 || walked == count)
        {
            PatchCount(ref writer, countAt, walked);
            return error;
        }

        PatchCount(ref writer, countAt, walked);
        return 0;
    }

    private static void PatchCount(ref NineWriter writer, int at, int count)
    {
        int length = writer.Length;
        writer.Advance(at - length);
        writer.UInt16((ushort)count);
        writer.Advance(length - writer.Length);
    }

    private int Step(int place, ReadOnlySpan<byte> name, out HostFileStatus status)
    {
        status = default;
        byte* text = Name(name, 0);
        if (text == null)
        {
            return -HostFiles.NoEntry;
        }

        int next = HostFiles.Open(place, text, HostFiles.PathOnly);
        if (next < 0)
        {
            return next;
        }

        int error = HostFiles.Status(next, out status);
        if (error < 0)
        {
            HostFiles.Close(next);
            return error;
        }

        return next;
    }

    private NineFile? Find(uint fid) => _files.GetValueOrDefault(fid);

    /// <summary>Gives a fid a place; owns the descriptor whatever happens.</summary>
    private int Add(uint fid, int place)
    {
        if (_files.Count >= MaximumFiles && !_files.ContainsKey(fid))
        {
            HostFiles.Close(place);
            return HostFiles.TooManyFiles;
        }

        if (_files.Remove(fid, out NineFile? old))
        {
            old.Dispose();
        }

        _files.Add(fid, new NineFile(place));
        return 0;
    }

    private int Forget(ref NineReader reader, int error)
    {
        if (!_files.Remove(reader.UInt32(), out NineFile? file))
        {
            return HostFiles.BadFile;
        }

        file.Dispose();
        return error;
    }

    /// <summary>A name as the host wants it, in one of four places; null when it is not a single component.</summary>
    private byte* Name(ReadOnlySpan<byte> name, int slot, int limit = MaximumName)
    {
        bool isComponent = limit != MaximumName || (name.IndexOf((byte)'/') < 0 && !name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8));
        if (name.IsEmpty || name.Length > limit || !isComponent || name.IndexOf((byte)0) >= 0)
        {
            return null;
        }

        // SAFETY: the array is allocated pinned.
        Span<byte> target = _names.AsSpan(4096 * slot, 4096);
        name.CopyTo(target);
        target[name.Length] = 0;
        return (byte*)System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(_names, 4096 * slot);
    }
}
