using System.Reflection;

namespace Jitvmm.Translator.Ir;

/// <summary>
/// A place in the CPU state: a byte offset into <c>CpuState</c>, or, in a tier-0 handler, the record field that
/// holds such an offset.
/// </summary>
public readonly record struct StateRef(int Offset)
{
    /// <summary>Number of the record's register field, or −1 when the offset is known.</summary>
    public int Slot => Offset < 0 ? -1 - Offset : -1;

    public static StateRef FromSlot(int slot) => new(-1 - slot);
}

/// <summary>
/// One operation; its value is named by its index in the block. Integer values of widths below 32 are I32 with
/// the upper bits 0 unless the operation says otherwise.
/// </summary>
public struct IrInstruction
{
    public IrOpcode Opcode;
    public IrType Type;
    public ushort Width;
    public int A;
    public int B;
    public int C;
    public StateRef State;
    public long Immediate;
    public MethodInfo? Method;
    public int[]? Arguments;

    /// <summary>Index, within the region, of the guest instruction this belongs to.</summary>
    public int Guest;

    /// <summary>A load whose bytes the same instruction writes back.</summary>
    public readonly bool IsModifyingLoad => Opcode == IrOpcode.Load && Immediate != 0;
}

/// <summary>A value of an IR block: its index and type.</summary>
public readonly record struct Value(int Id, IrType Type)
{
    public static readonly Value None = new(-1, IrType.None);

    public bool IsNone => Id < 0;
}
