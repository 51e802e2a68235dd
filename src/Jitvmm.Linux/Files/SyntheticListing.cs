using System.Buffers.Binary;

namespace Jitvmm.Linux.Files;

/// <summary>The entries of a made-up directory as one open descriptor reads them.</summary>
internal sealed class SyntheticListing(SyntheticNode directory)
{
    private const byte TypeDirectory = 4;

    private readonly List<Entry> _entries = [];
    private int _position;

    private readonly record struct Entry(byte[] Name, byte Type, ulong Inode);

    public SyntheticNode Directory { get; } = directory;

    /// <summary>Reads the directory anew, from its start.</summary>
    public void Rewind(ProcessFiles viewer)
    {
        lock (_entries)
        {
            _entries.Clear();
            _position = 0;
            Add("."u8, TypeDirectory, Directory.Inode);
            Add(".."u8, TypeDirectory, 1);
            Directory.List(viewer, this);
        }
    }

    /// <summary>Reads the directory unless that is done: at the first getdents, when the descriptor itself is open already.</summary>
    public void Begin(ProcessFiles viewer)
    {
        lock (_entries)
        {
            if (_entries.Count == 0)
            {
                Rewind(viewer);
            }
        }
    }

    /// <summary>Moves to an entry whose offset getdents gave.</summary>
    public long Seek(long position)
    {
        lock (_entries)
        {
            _position = (int)Math.Clamp(position, 0, _entries.Count);
            return _position;
        }
    }

    /// <summary>Adds an entry; the type is a DT_ constant.</summary>
    public void Add(ReadOnlySpan<byte> name, byte type, ulong inode) => _entries.Add(new Entry(name.ToArray(), type, inode));

    public void Add(ReadOnlySpan<byte> name, SyntheticNode node) => Add(name, (byte)(node.Mode >> 12), node.Inode);

    public void AddNumber(int number, byte type, ulong inode)
    {
        Span<byte> text = stackalloc byte[12];
        number.TryFormat(text, out int length, default, null);
        Add(text[..length], type, inode);
    }

    /// <summary>
    /// Writes entries as struct linux_dirent64 (or linux_dirent) until the buffer is full; bytes written, 0 at
    /// the end, -EINVAL when not even one fits.
    /// </summary>
    public int Read(Span<byte> buffer, bool isOldFormat)
    {
        lock (_entries)
        {
            int done = 0;
            while (_position < _entries.Count)
            {
                Entry entry = _entries[_position];
                int header = isOldFormat ? 18 : 19;
                int size = (header + entry.Name.Length + (isOldFormat ? 2 : 1) + 7) & ~7;
                if (size > buffer.Length - done)
                {
                    return done == 0 ? -Errno.EINVAL : done;
                }

                Span<byte> record = buffer.Slice(done, size);
                record.Clear();
                BinaryPrimitives.WriteUInt64LittleEndian(record, entry.Inode);
                BinaryPrimitives.WriteInt64LittleEndian(record[8..], _position + 1);
                BinaryPrimitives.WriteUInt16LittleEndian(record[16..], (ushort)size);
                record[isOldFormat ? size - 1 : 18] = entry.Type;
                entry.Name.CopyTo(record[header..]);
                done += size;
                _position++;
            }

            return done;
        }
    }
}
