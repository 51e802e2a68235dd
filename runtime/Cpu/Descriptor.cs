namespace Jitvmm.Runtime.Cpu;

/// <summary>Attribute bits of a descriptor, as <see cref="SystemState.Attributes"/> keeps them (SDM vol. 3A, 3.4.5).</summary>
public static class SegmentAttributes
{
    public const int Accessed = 1 << 0;

    /// <summary>Readable code, writable data.</summary>
    public const int ReadableOrWritable = 1 << 1;

    /// <summary>Conforming code, expand-down data.</summary>
    public const int ConformingOrExpandDown = 1 << 2;
    public const int Code = 1 << 3;

    /// <summary>Code or data, not a system segment.</summary>
    public const int CodeOrData = 1 << 4;
    public const int DplShift = 5;
    public const int Present = 1 << 7;
    public const int Long = 1 << 13;
    public const int Big = 1 << 14;
    public const int Granularity = 1 << 15;

    /// <summary>The system segment's or gate's type, or the low attributes of code and data.</summary>
    public const int TypeMask = 15;

    /// <summary>Everything but the limit's upper bits, which share the word.</summary>
    public const int Mask = 0xf0ff;
}

/// <summary>Types of system descriptors (SDM vol. 3A, table 3-2).</summary>
public static class SystemSegmentType
{
    public const int Task16 = 1;
    public const int LocalTable = 2;
    public const int BusyTask16 = 3;
    public const int CallGate16 = 4;
    public const int TaskGate = 5;
    public const int InterruptGate16 = 6;
    public const int TrapGate16 = 7;
    public const int Task = 9;
    public const int BusyTask = 11;
    public const int CallGate = 12;
    public const int InterruptGate = 14;
    public const int TrapGate = 15;
}

/// <summary>A segment descriptor (the lower eight bytes of a 16-byte one).</summary>
public readonly record struct Descriptor(ulong Raw)
{
    public uint Base => (uint)(Raw >> 16 & 0xffffff) | (uint)(Raw >> 56 << 24);

    /// <summary>In bytes, granularity applied.</summary>
    public uint Limit
    {
        get
        {
            uint limit = (uint)(Raw & 0xffff) | (uint)(Raw >> 32 & 0xf0000);
            return (Raw & 1ul << 55) != 0 ? (limit << 12) | 0xfff : limit;
        }
    }

    public ushort Attributes => (ushort)(Raw >> 40 & SegmentAttributes.Mask);

    public bool IsSystem => (Attributes & SegmentAttributes.CodeOrData) == 0;

    public bool IsCode => (Attributes & (SegmentAttributes.CodeOrData | SegmentAttributes.Code)) == (SegmentAttributes.CodeOrData | SegmentAttributes.Code);

    public bool IsData => (Attributes & (SegmentAttributes.CodeOrData | SegmentAttributes.Code)) == SegmentAttributes.CodeOrData;

    public bool IsConforming => IsCode && (Attributes & SegmentAttributes.ConformingOrExpandDown) != 0;

    public bool IsReadable => IsData || (IsCode && (Attributes & SegmentAttributes.ReadableOrWritable) != 0);

    public bool IsWritable => IsData && (Attributes & SegmentAttributes.ReadableOrWritable) != 0;

    public bool IsPresent => (Attributes & SegmentAttributes.Present) != 0;

    public bool IsLong => (Attributes & SegmentAttributes.Long) != 0;

    public bool IsBig => (Attributes & SegmentAttributes.Big) != 0;

    public int Dpl => Attributes >> SegmentAttributes.DplShift & 3;

    /// <summary>Type of a system descriptor: a <see cref="SystemSegmentType"/>.</summary>
    public int Type => Attributes & SegmentAttributes.TypeMask;

    /// <summary>Where a gate leads.</summary>
    public ushort GateSelector => (ushort)(Raw >> 16);

    /// <summary>Offset of a gate, without the upper half that long mode's have.</summary>
    public uint GateOffset => (uint)(Raw & 0xffff) | (uint)(Raw >> 48 << 16);
}
