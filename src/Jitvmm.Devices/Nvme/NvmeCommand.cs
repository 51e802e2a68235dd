using System.Buffers.Binary;

namespace Jitvmm.Devices.Nvme;

/// <summary>A submission queue entry, copied out of guest memory.</summary>
internal readonly struct NvmeCommand
{
    public const int Size = 64;

    public NvmeCommand(ReadOnlySpan<byte> entry)
    {
        Opcode = entry[0];
        Flags = entry[1];
        Identifier = BinaryPrimitives.ReadUInt16LittleEndian(entry[2..]);
        Namespace = BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]);
        Pointer1 = BinaryPrimitives.ReadUInt64LittleEndian(entry[24..]);
        Pointer2 = BinaryPrimitives.ReadUInt64LittleEndian(entry[32..]);
        D10 = BinaryPrimitives.ReadUInt32LittleEndian(entry[40..]);
        D11 = BinaryPrimitives.ReadUInt32LittleEndian(entry[44..]);
        D12 = BinaryPrimitives.ReadUInt32LittleEndian(entry[48..]);
    }

    public byte Opcode { get; }

    /// <summary>Bits 6–7: how the data is described; 0 for PRPs.</summary>
    public byte Flags { get; }

    public ushort Identifier { get; }

    public uint Namespace { get; }

    public ulong Pointer1 { get; }

    public ulong Pointer2 { get; }

    public uint D10 { get; }

    public uint D11 { get; }

    public uint D12 { get; }
}
