using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Tests.Semantics;

/// <summary>What the memory operand of an instruction form holds before it runs.</summary>
public enum X87Memory
{
    None,
    Single,
    Double,
    Extended,
    Integer,
    Decimal,
    Environment32,
    Environment16,
    Scratch,
}

/// <summary>One instruction form: how the host runs it, and which method says what it means.</summary>
/// <param name="Name">Assembly text.</param>
/// <param name="Code">Machine code; a memory operand is at [RSI].</param>
/// <param name="Memory">The memory operand.</param>
/// <param name="Body">Our meaning of it.</param>
/// <param name="Ulps">0 for bit-exact, else how far register results may be off in units of the last place.</param>
/// <param name="IsControl">Does not become the last instruction that FNSTENV shows.</param>
public sealed record X87Form(string Name, byte[] Code, X87Memory Memory, X87Body Body, int Ulps = 0, bool IsControl = false)
{
    /// <summary>As the last-opcode field has it.</summary>
    public ushort Opcode => (ushort)((Code[0] & 7) << 8 | Code[1]);

    public override string ToString() => Name;
}

public unsafe delegate void X87Body(CpuState* cpu, byte* memory);
