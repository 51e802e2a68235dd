using System.Reflection;
using Iced.Intel;
using Jitvmm.Runtime.Execution;
using Jitvmm.Translator.Decode;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>
/// Turns one decoded instruction into IR. The families are the partial files of this class, one per group of
/// instructions; each tries the mnemonics it knows.
/// </summary>
/// <remarks>
/// Precision rule: within an instruction everything that can fault comes before the first write to the CPU
/// state or memory, so that a fault leaves the state as before the instruction (SDM vol. 3A, 6.6). The
/// exceptions are the string instructions, which the manual defines as interruptible, and multi-store ones.
/// </remarks>
public sealed partial class Lifter
{
    private readonly IrBuilder _b;
    private readonly Operands _o;
    private Instruction _i;

    public Lifter(IrBuilder builder)
    {
        _b = builder;
        _o = new Operands(builder);
    }

    /// <summary>Lifts an instruction with known operands. False when it is not implemented: the guest gets #UD.</summary>
    public bool TryLift(in Instruction instruction) => TryLift(instruction, Operands.AddressForm.Known);

    /// <summary>Lifts a form for a tier-0 handler: operands are record fields.</summary>
    public bool TryLift(in Instruction instruction, Operands.AddressForm form)
    {
        Begin(instruction, form);
        if (instruction.HasLockPrefix && !CodeFacts.CanUseLockPrefix(instruction.Code))
        {
            return false;
        }

        return TryMove() || TryArithmetic() || TryShift() || TryMultiplyDivide() || TryBits() || TryControl() || TryStack() || TryString() || TryAtomic()
            || TrySystem() || TryPrivileged() || TryLegacy() || TryVector();
    }

    private void Begin(in Instruction instruction, Operands.AddressForm form)
    {
        _i = instruction;
        _o.Begin(instruction, form);
        RaisesFloatExceptions = false;
    }

    /// <summary>Whether the instruction ends a translation block.</summary>
    public static bool EndsBlock(in Instruction instruction) => FlowOf(instruction) != FlowControl.Next || IsRepeated(instruction)
        || instruction.Mnemonic is Mnemonic.Syscall or Mnemonic.Hlt or Mnemonic.Ud2 or Mnemonic.Clts or Mnemonic.Lmsw or Mnemonic.Invlpg or Mnemonic.Invpcid
        || (instruction.Mnemonic == Mnemonic.Mov && instruction.Op0Register.IsCR());

    /// <summary>Whether a block ends, by falling through, after the instruction: it may let an interrupt or a single step in, or change how code is decoded.</summary>
    /// <remarks>In 16- and 32-bit code a segment register may bring another mode of decoding with it.</remarks>
    public static bool NeedsSafepoint(in Instruction instruction) => instruction.Mnemonic is Mnemonic.Popf or Mnemonic.Popfd or Mnemonic.Popfq or Mnemonic.Xsetbv
        || (instruction.Mnemonic == Mnemonic.Mov && instruction.Op0Register.IsDR())
        || (instruction.CodeSize != CodeSize.Code64 && LoadsCheckedSegment(instruction));

    /// <summary>
    /// Whether compiled code leaves to tier 0 for an instruction that falls through. Its block ends there, so that what follows can be compiled: these are the ones that
    /// kernels run often.
    /// </summary>
    public static bool LeavesCompiledCode(in Instruction instruction) => instruction.Mnemonic is Mnemonic.Cpuid or Mnemonic.Rdmsr or Mnemonic.Wrmsr
        or Mnemonic.In or Mnemonic.Out or Mnemonic.Xsave or Mnemonic.Xsave64 or Mnemonic.Xsaveopt or Mnemonic.Xsaveopt64 or Mnemonic.Xsavec or Mnemonic.Xsavec64
        or Mnemonic.Xrstor or Mnemonic.Xrstor64 or Mnemonic.Fxsave or Mnemonic.Fxsave64 or Mnemonic.Fxrstor or Mnemonic.Fxrstor64
        || (instruction.Mnemonic == Mnemonic.Mov && (instruction.Op1Register.IsCR() || (instruction.Op0Register.IsSegmentRegister() && !ShadowsInterrupts(instruction))));

    private static bool LoadsCheckedSegment(in Instruction instruction) => instruction.Mnemonic is Mnemonic.Lds or Mnemonic.Les or Mnemonic.Lss
        || (instruction.Mnemonic is Mnemonic.Mov or Mnemonic.Pop && instruction.Op0Register is Register.ES or Register.SS or Register.DS);

    /// <summary>
    /// Whether no interrupt is taken between the instruction and the next one (SDM vol. 3A, 6.8.1 and 6.8.3): they stay in one block, which ends behind them.
    /// </summary>
    public static bool ShadowsInterrupts(in Instruction instruction) => instruction.Mnemonic is Mnemonic.Sti or Mnemonic.Lss
        || (instruction.Mnemonic is Mnemonic.Mov or Mnemonic.Pop && instruction.Op0Register == Register.SS);

    public static bool IsRepeated(in Instruction instruction) =>
        instruction.IsStringInstruction && (instruction.HasRepPrefix || instruction.HasRepnePrefix);

    /// <summary>
    /// Whether an instruction that writes flags may leave them as they were: a shift by 0, a repeated compare of nothing, a hypercall, which writes them for other hypervisors only.
    /// </summary>
    public static bool MayKeepFlags(in Instruction instruction)
    {
        if (IsHypercall(instruction.Code))
        {
            return true;
        }

        if (instruction.Mnemonic is not (Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar or Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr
            or Mnemonic.Shld or Mnemonic.Shrd))
        {
            return IsRepeated(instruction);
        }

        // Five bits of a count of 32 are 0 even where six count.
        int last = instruction.OpCount - 1;
        return instruction.GetOpKind(last) != OpKind.Immediate8 || (instruction.Immediate8 & 0x1f) == 0;
    }

    private void Raise(ExceptionVector vector)
    {
        _b.RaiseIf(_b.Constant32(1), vector);
    }

    private static MethodInfo Method(Type type, string name) =>
        type.GetMethod(name, BindingFlags.Public | BindingFlags.Static) ?? throw new MissingMethodException(type.Name, name);
}
