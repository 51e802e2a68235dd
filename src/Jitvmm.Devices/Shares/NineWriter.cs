using System.Buffers.Binary;

namespace Jitvmm.Devices.Shares;

/// <summary>Builds a 9P reply in a buffer of the negotiated size; replies are checked to fit before they are written.</summary>
internal ref struct NineWriter(Span<byte> buffer)
{
    private readonly Span<byte> _buffer = buffer;

    public int Length { get; private set; }

    public readonly Span<byte> Rest => _buffer[Length..];

    public void Byte(byte value) => Grow(1)[0] = value;

    public void UInt16(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Grow(2), value);

    public void UInt32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Grow(4), value);

    public void UInt64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Grow(8), value);

    public void Text(ReadOnlySpan<byte> value)
    {
        UInt16((ushort)value.Length);
        value.CopyTo(Grow(value.Length));
    }

    /// <summary>A file's identity: kind, version, number.</summary>
    public void Identity(in HostFileStatus status)
    {
        const byte Folder = 0x80;
        const byte Link = 2;
        Byte(status.IsFolder ? Folder : status.IsLink ? Link : (byte)0);
        UInt32(0);
        UInt64(status.Identity);
    }

    /// <summary>Counts bytes that were put into <see cref="Rest"/>.</summary>
    public void Advance(int count) => Length += count;

    private Span<byte> Grow(int count)
    {
        Length += count;
        return _buffer.Slice(Length - count, count);
    }
}
