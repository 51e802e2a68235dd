using System.Buffers.Binary;
using System.Text;

namespace Jitvmm.Devices.State;

/// <summary>Writes device state: little-endian numbers in sections, each of which opens with its name and version.</summary>
public sealed class StateWriter
{
    private byte[] _bytes = new byte[4096];
    private int _length;

    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, _length);

    /// <summary>Opens a device's section. The version grows when the fields that follow change; only the program of the same version reads them.</summary>
    public void Section(string name, byte version)
    {
        byte[] text = Encoding.ASCII.GetBytes(name);
        Byte((byte)text.Length);
        Raw(text);
        Byte(version);
    }

    public void Byte(byte value) => Grow(1)[0] = value;

    public void Bool(bool value) => Byte(value ? (byte)1 : (byte)0);

    public void UInt16(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Grow(2), value);

    public void UInt32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Grow(4), value);

    public void Int32(int value) => BinaryPrimitives.WriteInt32LittleEndian(Grow(4), value);

    public void UInt64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Grow(8), value);

    public void Int64(long value) => BinaryPrimitives.WriteInt64LittleEndian(Grow(8), value);

    public void Bytes(ReadOnlySpan<byte> value)
    {
        Int32(value.Length);
        Raw(value);
    }

    private void Raw(ReadOnlySpan<byte> value) => value.CopyTo(Grow(value.Length));

    private Span<byte> Grow(int count)
    {
        if (_bytes.Length - _length < count)
        {
            Array.Resize(ref _bytes, Math.Max(2 * _bytes.Length, _length + count));
        }

        _length += count;
        return _bytes.AsSpan(_length - count, count);
    }
}
