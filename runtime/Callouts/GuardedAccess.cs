using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;

namespace Jitvmm.Runtime.Callouts;

/// <summary>How an instruction reaches memory, as one number that the record of a guard holds.</summary>
/// <remarks>Bits 0–2 segment register, 3 write, 4 segment checked, 5 index is a byte, 8–15 alignment mask, 16–31 bytes, 32–39 width of a bit string's elements.</remarks>
public readonly unsafe record struct GuardedAccess(ulong Raw)
{
    private const int WriteBit = 1 << 3;
    private const int SegmentBit = 1 << 4;
    private const int ByteIndexBit = 1 << 5;
    private const int AlignmentShift = 8;
    private const int BytesShift = 16;
    private const int BitWidthShift = 32;

    /// <param name="segment">The segment register it goes through.</param>
    /// <param name="bytes">Its length.</param>
    /// <param name="write">Whether it writes, perhaps after reading.</param>
    public GuardedAccess(SegmentIndex segment, int bytes, bool write)
        : this((ulong)segment | (write ? WriteBit : 0ul) | ((ulong)(uint)bytes << BytesShift))
    {
    }

    public SegmentIndex Segment => (SegmentIndex)(Raw & 7);

    public bool IsWrite => (Raw & WriteBit) != 0;

    public int Bytes => (ushort)(Raw >> BytesShift);

    /// <summary>Whether limit, type and presence of the segment are looked at.</summary>
    public bool ChecksSegment
    {
        get => (Raw & SegmentBit) != 0;
        init => Raw = value ? Raw | SegmentBit : Raw & ~(ulong)SegmentBit;
    }

    /// <summary>XLAT.</summary>
    public bool HasByteIndex
    {
        get => (Raw & ByteIndexBit) != 0;
        init => Raw = value ? Raw | ByteIndexBit : Raw & ~(ulong)ByteIndexBit;
    }

    /// <summary>What a linear address must be a multiple of; 1 when that is not looked at.</summary>
    public int Alignment
    {
        get => (byte)(Raw >> AlignmentShift) + 1;
        init => Raw = (Raw & ~(0xfful << AlignmentShift)) | ((ulong)(value - 1) << AlignmentShift);
    }

    /// <summary>Not 0: a bit string that a register indexes, in elements of so many bits.</summary>
    public int BitWidth
    {
        get => (byte)(Raw >> BitWidthShift);
        init => Raw |= (ulong)(byte)value << BitWidthShift;
    }

    /// <summary>What the instruction raises when <see cref="Allows"/> is false.</summary>
    public ExceptionVector Fault => Segment == SegmentIndex.Ss ? ExceptionVector.StackFault : ExceptionVector.GeneralProtection;

    public bool Allows(CpuState* cpu, ulong offset, int bytes) => !ChecksSegment || SegmentLimits.Allows(cpu, Segment, offset, bytes, IsWrite);

    public bool IsMisaligned(ulong linear) => (linear & (uint)(Alignment - 1)) != 0;

    /// <summary>Distance in bytes of the element that holds the bit with a signed number.</summary>
    public ulong BitDistance(ulong register)
    {
        long bit = BitWidth switch { 16 => (short)register, 32 => (int)register, _ => (long)register };
        return (ulong)((bit >> (BitWidth == 16 ? 4 : BitWidth == 32 ? 5 : 6)) * (BitWidth / 8));
    }
}
