using System.Buffers.Binary;

namespace Jitvmm.Devices.Xen;

/// <summary>
/// Where the fields of a block request are (xen/include/public/io/blkif.h). 64-bit guests align 64-bit fields to eight bytes and 32-bit guests to four; what kind a guest is, it says in the store.
/// </summary>
/// <param name="SlotLength">Bytes of a request.</param>
/// <param name="IdAt">Offset of the number that the answer repeats.</param>
internal sealed record BlockLayout(int SlotLength, int IdAt)
{
    public const int LongestSlot = 112;
    public const int SegmentLength = 8;
    public const int DirectSegments = 11;
    public const int IndirectPages = 8;

    private const int OperationAt = 0;
    private const int SegmentCountAt = 1;
    private const int IndirectCountAt = 2;
    private const int SectorBehindId = 8;
    private const int SegmentsBehindSector = 8;
    private const int PagesBehindSector = 12;

    public static BlockLayout Long { get; } = new(LongestSlot, 8);

    public static BlockLayout Short { get; } = new(108, 4);

    /// <summary>By the name in the store. Null: of another architecture.</summary>
    public static BlockLayout? Named(string? protocol) => protocol switch
    {
        null or "x86_64-abi" => Long,
        "x86_32-abi" => Short,
        _ => null,
    };

    public static byte Operation(ReadOnlySpan<byte> request) => request[OperationAt];

    /// <summary>Segments in the request itself; in a discard, its flags; in an indirect request, the operation.</summary>
    public static byte Second(ReadOnlySpan<byte> request) => request[SegmentCountAt];

    public static ushort IndirectCount(ReadOnlySpan<byte> request) => BinaryPrimitives.ReadUInt16LittleEndian(request[IndirectCountAt..]);

    public ulong Id(ReadOnlySpan<byte> request) => BinaryPrimitives.ReadUInt64LittleEndian(request[IdAt..]);

    public ulong Sector(ReadOnlySpan<byte> request) => BinaryPrimitives.ReadUInt64LittleEndian(request[(IdAt + SectorBehindId)..]);

    public ulong DiscardedSectors(ReadOnlySpan<byte> request) => BinaryPrimitives.ReadUInt64LittleEndian(request[(IdAt + SectorBehindId + SegmentsBehindSector)..]);

    public ReadOnlySpan<byte> Segments(ReadOnlySpan<byte> request) => request.Slice(IdAt + SectorBehindId + SegmentsBehindSector, DirectSegments * SegmentLength);

    /// <summary>The grant of a page of segments.</summary>
    public uint IndirectPage(ReadOnlySpan<byte> request, int index) =>
        BinaryPrimitives.ReadUInt32LittleEndian(request[(IdAt + SectorBehindId + PagesBehindSector + sizeof(uint) * index)..]);
}
