using System.Runtime.InteropServices;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.CodeCache;

/// <summary>
/// One predecoded instruction of tier 0: a handler and its operands. Records of a block are contiguous; a
/// handler ends by jumping through the next record's <see cref="Handler"/>.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
public unsafe struct TbOp
{
    public const int Size = 64;

    /// <summary>(state, this record, host address of guest address 0) → a <see cref="Execution.BlockExit"/>.</summary>
    [FieldOffset(0)] public delegate*<CpuState*, TbOp*, byte*, int> Handler;

    /// <summary>Offsets into <see cref="CpuState"/> of the operand registers.</summary>
    /// <remarks>At a block's head R0 is 1 when the block straddles two pages, and R1 is 1 when it writes all status flags and reads none before.</remarks>
    [FieldOffset(8)] public ushort R0;
    [FieldOffset(10)] public ushort R1;
    [FieldOffset(12)] public ushort R2;
    [FieldOffset(14)] public ushort R3;

    /// <summary>Direct branches: distance from the end of the instruction. Shares the space of R2 and R3.</summary>
    [FieldOffset(12)] public int Relative;

    [FieldOffset(16)] public ushort Base;
    [FieldOffset(18)] public ushort Index;
    [FieldOffset(20)] public ushort Segment;
    [FieldOffset(22)] public byte Scale;

    /// <summary>Bytes of the guest instruction, or of the fused pair.</summary>
    [FieldOffset(23)] public byte Length;

    [FieldOffset(24)] public ulong Displacement;
    [FieldOffset(32)] public ulong Immediate;

    /// <summary>Guest address of the instruction.</summary>
    [FieldOffset(40)] public ulong Address;

    [FieldOffset(48)] public ulong AddressMask;

    /// <summary>Direct branches: the taken side's first record, or null while not chained. Shares the space of <see cref="AddressMask"/>.</summary>
    [FieldOffset(48)] public TbOp* Target;

    /// <summary>The record that runs when a block ends without its branch taken, or null while not chained.</summary>
    [FieldOffset(56)] public TbOp* Next;

    public readonly ulong NextAddress => Address + Length;

    public readonly ulong BranchTarget => Address + Length + (ulong)(long)Relative;
}
