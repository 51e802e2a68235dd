namespace Jitvmm.Runtime.Semantics;

/// <summary>
/// Marks a semantic method that gets the CPU state and reads or writes general registers, flags or vector
/// registers in it, or that reaches guest memory itself and so needs them complete for a fault. Compiled code,
/// which keeps these in locals, leaves such instructions to tier 0; a method without the mark may touch only the
/// x87 unit, MXCSR and system fields.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TouchesRegistersAttribute : Attribute;
