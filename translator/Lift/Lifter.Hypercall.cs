using Iced.Intel;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>VMCALL and VMMCALL. Either serves any guest: which one a kernel uses is what it found the processor's maker to be.</summary>
public sealed partial class Lifter
{
    public static bool IsHypercall(Code code) => code is Code.Vmcall or Code.Vmmcall;

    /// <summary>Where control goes behind an instruction: a hypercall comes back to the next one.</summary>
    public static FlowControl FlowOf(in Instruction instruction) => IsHypercall(instruction.Code) ? FlowControl.Next : instruction.FlowControl;

    /// <summary>The site is in the record; 0 is everybody's.</summary>
    private void LiftHypercall() =>
        _b.Call(Method(typeof(Hypercalls), nameof(Hypercalls.Execute)), _b.Cpu(), _o.IsSymbolic ? _b.Field(OpField.Immediate, IrType.I32) : _b.Constant32(0));

    /// <summary>Lifts a hypercall of compiled 64-bit code to what it means: arguments from registers, and on.</summary>
    /// <param name="paravirtual">Whom the guest calls.</param>
    /// <param name="site">Its number in <see cref="HypercallSites"/>.</param>
    /// <param name="number">The call's, where the code fixes it.</param>
    public void LiftHypercall(ParavirtualInterface paravirtual, int site, ulong? number)
    {
        if (paravirtual.BodyOf(number) is not { } body)
        {
            LiftHypercall();
            return;
        }

        // What user code gets, tier 0 knows.
        _b.RaiseIf(_b.IsNotZero(_b.Get(SystemPlaces.Cpl, 32)), ExceptionVector.InvalidOpcode);
        _b.Call(Method(typeof(HypercallSites), nameof(HypercallSites.Count)), _b.Cpu(), _b.Constant32(site));
        Value result;
        if (body.Method == null)
        {
            result = _b.Constant((long)body.Constant);
        }
        else
        {
            Value[] arguments = new Value[1 + body.Arguments.Count];
            arguments[0] = _b.Cpu();
            for (int i = 0; i < body.Arguments.Count; i++)
            {
                arguments[1 + i] = _b.Get(CpuState.GprOffset + (8 * body.Arguments[i]), 64);
            }

            result = _b.Call(body.Method, arguments);
        }

        _b.Set(CpuState.GprOffset + (8 * body.Result), 64, result);
    }
}
