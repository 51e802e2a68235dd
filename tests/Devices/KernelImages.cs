using System.Buffers.Binary;

namespace Jitvmm.Tests.Devices;

/// <summary>Smallest files of each kernel format.</summary>
internal static class KernelImages
{
    /// <summary>A bzImage of protocol 2.15 that prefers 16 MiB and needs 1 MiB there.</summary>
    public static byte[] Linux()
    {
        byte[] file = new byte[2 * 512 + 4096];
        file[0x1f1] = 1;
        file[0x201] = 0x6a;
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(0x1fe), 0xaa55);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(0x202), 0x53726448);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(0x206), 0x20f);
        file[0x211] = 1;
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(0x214), 0x100000);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(0x22c), 0x7fffffff);
        file[0x234] = 1;
        file[0x236] = 1;
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(0x238), 2047);
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(0x258), 0x1000000);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(0x260), 0x100000);
        return file;
    }

    /// <summary>A multiboot kernel with addresses in its header, at 1 MiB.</summary>
    public static byte[] Multiboot()
    {
        byte[] file = new byte[4096];
        uint[] header = [0x1badb002, 1 << 16, 0, 0x100000, 0x100000, 0, 0, 0x100020];
        header[2] = unchecked(0u - header[0] - header[1]);
        for (int i = 0; i < header.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(4 * i), header[i]);
        }

        return file;
    }

    /// <summary>Lets such a file be loaded at another address.</summary>
    public static void MoveMultiboot(byte[] file, uint address)
    {
        foreach ((int field, uint value) in ((int, uint)[])[(12, address), (16, address), (28, address + 0x20)])
        {
            BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(field), value);
        }
    }

    /// <summary>An ELF64 file with one segment at 1 MiB and a PVH note.</summary>
    public static byte[] Pvh()
    {
        byte[] file = new byte[1024];
        Span<byte> bytes = file;
        BinaryPrimitives.WriteUInt32BigEndian(bytes, 0x7f454c46);
        bytes[4] = 2;
        bytes[5] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[18..], 62);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[32..], 64);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[54..], 56);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[56..], 2);
        Segment(bytes[64..], 1, 512, 0x100000, 256, 8192);
        Segment(bytes[120..], 4, 256, 0, 20, 20);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[256..], 4);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[260..], 4);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[264..], 18);
        "Xen\0"u8.CopyTo(bytes[268..]);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[272..], 0x100040);
        return file;
    }

    /// <summary>The same with the headers of an ELF32 file.</summary>
    public static byte[] Pvh32()
    {
        byte[] file = Pvh();
        Span<byte> bytes = file;
        bytes[4] = 1;
        bytes[18] = 3;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[28..], 64);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[42..], 32);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[44..], 2);
        bytes[64..128].Clear();
        uint[] headers = [1, 512, 0, 0x100000, 256, 8192, 0, 0, 4, 256, 0, 0, 20, 20, 0, 0];
        for (int i = 0; i < headers.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[(64 + (4 * i))..], headers[i]);
        }

        return file;
    }

    private static void Segment(Span<byte> header, int type, ulong offset, ulong address, ulong fileSize, ulong memorySize)
    {
        BinaryPrimitives.WriteInt32LittleEndian(header, type);
        BinaryPrimitives.WriteUInt64LittleEndian(header[8..], offset);
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], address);
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], fileSize);
        BinaryPrimitives.WriteUInt64LittleEndian(header[40..], memorySize);
    }
}
