using System.Buffers.Binary;
using System.Text;

namespace Jitvmm.Devices.State;

/// <summary>Reads what <see cref="StateWriter"/> wrote.</summary>
public sealed class StateReader(ReadOnlyMemory<byte> bytes)
{
    private int _next;

    /// <summary>Enters a device's section.</summary>
    /// <exception cref="InvalidDataException">Another section is here, or one of a program whose devices have other fields.</exception>
    public void Section(string name, byte version)
    {
        string found = Encoding.ASCII.GetString(Take(Byte()));
        byte foundVersion = Byte();
        if (found != name)
        {
            throw new InvalidDataException($"The saved state has {found} where {name} belongs.");
        }

        if (foundVersion != version)
        {
            throw new InvalidDataException($"The saved state of {name} has version {foundVersion}; this program reads version {version} only.");
        }
    }

    public byte Byte() => Take(1)[0];

    public bool Bool() => Byte() != 0;

    public ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

    /// <summary>A block of bytes of any length.</summary>
    public ReadOnlySpan<byte> Bytes() => Take(Int32());

    /// <summary>A block of bytes into an array of its length.</summary>
    public void Bytes(Span<byte> target)
    {
        ReadOnlySpan<byte> found = Bytes();
        if (found.Length != target.Length)
        {
            throw new InvalidDataException($"The saved state has {found.Length} bytes where {target.Length} belong.");
        }

        found.CopyTo(target);
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count < 0 || count > bytes.Length - _next)
        {
            throw new InvalidDataException("The saved state is too short.");
        }

        _next += count;
        return bytes.Span.Slice(_next - count, count);
    }
}
