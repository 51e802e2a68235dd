using System.Buffers.Binary;

namespace Jitvmm.Devices.Shares;

/// <summary>Takes fields off a 9P request. Past the end everything is 0 or empty, and <see cref="IsWhole"/> is false.</summary>
internal ref struct NineReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>Whether all that was asked for was there.</summary>
    public bool IsWhole { get; private set; } = true;

    public byte Byte() => Take(1) is [var value] ? value : (byte)0;

    public ushort UInt16()
    {
        ReadOnlySpan<byte> field = Take(2);
        return field.IsEmpty ? (ushort)0 : BinaryPrimitives.ReadUInt16LittleEndian(field);
    }

    public uint UInt32()
    {
        ReadOnlySpan<byte> field = Take(4);
        return field.IsEmpty ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(field);
    }

    public ulong UInt64()
    {
        ReadOnlySpan<byte> field = Take(8);
        return field.IsEmpty ? 0 : BinaryPrimitives.ReadUInt64LittleEndian(field);
    }

    /// <summary>A string: its length in two bytes, then UTF-8.</summary>
    public ReadOnlySpan<byte> Text() => Take(UInt16());

    /// <summary>A block whose length in four bytes comes first.</summary>
    public ReadOnlySpan<byte> Block()
    {
        uint length = UInt32();
        return length > int.MaxValue ? Fail() : Take((int)length);
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _rest.Length)
        {
            return Fail();
        }

        ReadOnlySpan<byte> field = _rest[..count];
        _rest = _rest[count..];
        return field;
    }

    private ReadOnlySpan<byte> Fail()
    {
        IsWhole = false;
        _rest = default;
        return default;
    }
}
