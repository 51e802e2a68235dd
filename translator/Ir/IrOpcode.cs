namespace Jitvmm.Translator.Ir;

/// <summary>
/// The operations of the intermediate representation. Every consumer switches over all of them without a
/// <c>default</c> that hides one, so a new operation shows what is missing.
/// </summary>
public enum IrOpcode : byte
{
    /// <summary>An integer constant, <see cref="IrInstruction.Immediate"/>.</summary>
    Constant,

    /// <summary>Operand <see cref="IrInstruction.Immediate"/> of a tier-0 record (an <see cref="OpField"/>): a constant known per record, not per handler.</summary>
    Field,

    /// <summary>Reads <see cref="IrInstruction.Width"/> bits of CPU state at <see cref="IrInstruction.State"/>, zero-extended.</summary>
    Get,

    /// <summary>Writes the low <see cref="IrInstruction.Width"/> bits of A to CPU state; other bits keep their value.</summary>
    Set,

    /// <summary>
    /// Behind the writes of all six status flags: where only a way out of the region may read them, it takes their place. Immediate, to which C, 0 or 1, is
    /// added, is a code of <see cref="Jitvmm.Runtime.Semantics.DeferredFlags"/>; A and B are its operands.
    /// </summary>
    DeferFlags,

    /// <summary>
    /// Reads <see cref="IrInstruction.Width"/> bits of guest memory at address A, zero-extended. May fault. Immediate is 1 when the instruction writes them back:
    /// a processor then asks for the right to write before it reads, so that the page fault is a write's (SDM vol. 3A, 4.7).
    /// </summary>
    Load,

    /// <summary>Writes the low <see cref="IrInstruction.Width"/> bits of B to guest memory at address A. May fault.</summary>
    Store,

    /// <summary>Host pointer to Immediate bytes of guest memory at address A, writable when Width is 1. May fault; valid until the end of the instruction.</summary>
    Pointer,

    Add,
    Sub,
    Mul,
    And,
    Or,
    Xor,

    /// <summary>Shifts by B, an I32; the count is taken modulo the width of the type.</summary>
    ShiftLeft,
    ShiftRight,
    ShiftRightSigned,
    Negate,
    Not,

    /// <summary>I64 to I32.</summary>
    Truncate,

    /// <summary>I32 to I64.</summary>
    ZeroExtend,
    SignExtend,

    /// <summary>Sign-extends the low Width bits of an I32 within the I32.</summary>
    SignExtendIn,

    /// <summary>Comparisons give I32 0 or 1.</summary>
    Equal,
    NotEqual,
    LessUnsigned,
    LessSigned,
    LessEqualUnsigned,
    LessEqualSigned,

    /// <summary>A is not 0 ? B : C.</summary>
    Select,

    /// <summary>Calls the static method <see cref="IrInstruction.Method"/> with <see cref="IrInstruction.Arguments"/>.</summary>
    Call,

    /// <summary>The address of the CPU state, as the first argument of methods that work on it whole.</summary>
    Cpu,

    /// <summary>Raises exception vector Immediate when A is not 0, with the state as before the instruction.</summary>
    RaiseIf,

    /// <summary>Ends the block: continue at the constant address in A.</summary>
    Jump,

    /// <summary>Ends the block: continue at B when A is not 0, else at C.</summary>
    Branch,

    /// <summary>Ends the block: continue at the computed address A. Immediate is a <see cref="IndirectKind"/>.</summary>
    JumpIndirect,

    /// <summary>Ends the block: leave with the <see cref="Jitvmm.Runtime.Execution.BlockExit"/> in Immediate, RIP = A.</summary>
    Exit,

    /// <summary>
    /// Ends the block: calls the static method <see cref="IrInstruction.Method"/>, which sets RIP and returns the
    /// <see cref="Jitvmm.Runtime.Execution.BlockExit"/> to leave with. It may read and write all state.
    /// </summary>
    ExitCall,
}

/// <summary>What a computed jump is, for return prediction and region formation.</summary>
public enum IndirectKind
{
    Jump,
    Call,
    Return,
}

public enum IrType : byte
{
    /// <summary>No value.</summary>
    None,
    I32,
    I64,
    V64,
    V128,
    V256,
}

/// <summary>The operand fields of a tier-0 record a handler may read as a constant.</summary>
public enum OpField
{
    Displacement,
    Immediate,

    /// <summary>Shift count of the index register.</summary>
    Scale,

    /// <summary>Address of the instruction.</summary>
    Address,

    /// <summary>Address of the next instruction.</summary>
    NextAddress,

    /// <summary>Where a direct jump or call goes.</summary>
    BranchTarget,

    /// <summary>All ones, or the low 32 bits under an address-size prefix.</summary>
    AddressMask,

    /// <summary>Byte offsets in the state of the operand registers and of the index register.</summary>
    Register0,
    Register1,
    Register2,
    Register3,
    Index,
}
