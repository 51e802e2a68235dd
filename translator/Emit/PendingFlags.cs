using System.Reflection.Emit;

namespace Jitvmm.Translator.Emit;

/// <summary>What the status flags come from between an operation and the end of its block, where only ways out of the region want to know: each of those brings it to the <see cref="DeferredFlagLocals"/> itself.</summary>
/// <param name="Code">As in <see cref="Ir.IrInstruction.Immediate"/> of a <see cref="Ir.IrOpcode.DeferFlags"/>.</param>
/// <param name="A">The first operand: a local or a constant.</param>
/// <param name="B">The second.</param>
/// <param name="Carry">The third, to be added to the code.</param>
public sealed record PendingFlags(long Code, (LocalBuilder? Local, long Constant) A, (LocalBuilder? Local, long Constant) B, (LocalBuilder? Local, long Constant) Carry);
