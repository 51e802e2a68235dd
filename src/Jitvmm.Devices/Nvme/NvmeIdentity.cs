using System.Buffers.Binary;
using System.Text;

namespace Jitvmm.Devices.Nvme;

/// <summary>The 4 KiB structures that Identify returns (NVM Express base specification 2.0, 5.17.2).</summary>
internal static class NvmeIdentity
{
    public const int Size = 4096;

    /// <summary>log2 of the largest transfer in pages: 2 MiB.</summary>
    public const int TransferShift = 9;

    private const byte VolatileCache = 1;
    private const ushort WriteZeroesAndDiscard = 0xc;

    public static byte[] Controller(string serial, bool canDiscard)
    {
        byte[] data = new byte[Size];
        U16(data, 0, 0x1b36);
        U16(data, 2, 0x1af4);
        Text(data, 4, 20, serial);
        Text(data, 24, 40, "Jitvmm NVMe disk");
        Text(data, 64, 8, "1.0");
        data[72] = 6;
        data[77] = TransferShift;
        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(80), 0x00010400);
        data[111] = 1;
        data[258] = 3;
        data[259] = 3;
        data[260] = 3;
        data[261] = 0;

        // Warning temperature thresholds, in kelvin.
        U16(data, 266, 343);
        U16(data, 268, 353);
        data[512] = 0x66;
        data[513] = 0x44;
        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(516), 1);
        U16(data, 520, canDiscard ? WriteZeroesAndDiscard : (ushort)0);
        data[525] = VolatileCache;
        Text(data, 768, 256, $"nqn.2026-01.org.jitvmm:{serial}", '\0');
        return data;
    }

    /// <summary>A namespace of 512-byte blocks.</summary>
    public static byte[] Namespace(ulong blocks, bool canDiscard, bool isReadOnly)
    {
        byte[] data = new byte[Size];
        BinaryPrimitives.WriteUInt64LittleEndian(data, blocks);
        BinaryPrimitives.WriteUInt64LittleEndian(data.AsSpan(8), blocks);
        BinaryPrimitives.WriteUInt64LittleEndian(data.AsSpan(16), blocks);
        data[24] = canDiscard ? (byte)1 : (byte)0;
        data[99] = isReadOnly ? (byte)1 : (byte)0;

        // Format 0: 2 to the power of 9 bytes, no metadata.
        data[130] = 9;
        return data;
    }

    private static void U16(byte[] data, int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(data.AsSpan(offset), value);

    private static void Text(byte[] data, int offset, int length, string text, char fill = ' ') =>
        Encoding.ASCII.GetBytes(text.PadRight(length, fill).AsSpan(0, length), data.AsSpan(offset));
}
