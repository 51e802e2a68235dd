using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Regions;

/// <summary>What compiled code leaves to tier 0.</summary>
internal static class TierZero
{
    /// <summary>
    /// Whether an operation's instruction, as a whole, is tier 0's. In a machine guest that is also every callout, unless it says otherwise: it may change the CPU's
    /// mode, or let an interrupt in.
    /// </summary>
    public static bool Executes(in IrInstruction op, bool isMachine) => op.Opcode switch
    {
        IrOpcode.ExitCall => true,
        IrOpcode.Call when op.Method!.IsDefined(typeof(TouchesRegistersAttribute), false) => true,
        IrOpcode.Call => isMachine && op.Method!.DeclaringType!.Namespace == typeof(ICpuPlatform).Namespace && !op.Method.IsDefined(typeof(RunsInRegionsAttribute), false),
        _ => false,
    };
}
