using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Jitvmm.Inspector.Files;

/// <summary>The sections of a cache file, in the order they are written.</summary>
internal enum SectionKind : uint
{
    Facts = 1,
    Blocks,
    Code,
    Regions,
    RegionParts,
    RegionJumps,
    HostCode,
    Exits,
    Invalidations,
    Sites,
    Symbols,
    Modules,
    Text,
}

/// <summary>The file's first bytes.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct FileHeader
{
    /// <summary>"JITVMMTC".</summary>
    public const ulong ExpectedMagic = 0x43544D4D5654494A;

    public const uint CurrentVersion = 2;

    public ulong Magic;
    public uint Version;
    public uint Sections;
    public ulong Length;

    /// <summary>Of the table of sections.</summary>
    public uint TableChecksum;

    /// <summary>Of the header before this field.</summary>
    public uint Checksum;
}

/// <summary>One line of the table that follows the header.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct SectionHeader
{
    public SectionKind Kind;

    /// <summary>Bytes of a record, 1 for bytes.</summary>
    public uint RecordSize;

    public ulong Offset;
    public ulong Length;
    public uint Checksum;
    public uint Reserved;
}

/// <summary>CRC-32C, as iSCSI has it (RFC 3720, B.4).</summary>
internal static class Checksum
{
    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (ulong word in words)
        {
            crc = BitOperations.Crc32C(crc, word);
        }

        foreach (byte rest in bytes[(words.Length * sizeof(ulong))..])
        {
            crc = BitOperations.Crc32C(crc, rest);
        }

        return ~crc;
    }

    public static uint Of(in FileHeader header) =>
        Of(MemoryMarshal.AsBytes(new ReadOnlySpan<FileHeader>(in header))[..(Unsafe.SizeOf<FileHeader>() - sizeof(uint))]);
}
