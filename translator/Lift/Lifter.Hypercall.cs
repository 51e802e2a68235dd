using Iced.Intel;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Regions;

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

        RaiseUnlessAccepted(body);
        Perform(body, site);
    }

    /// <summary>
    /// Lifts a call that leads into the hypercall page to what it means, and on behind it. It stores where it would return to, as others may read that; what it leads to is looked
    /// at each time, as that may change without the code doing so. All that may refuse comes before all that has an effect.
    /// </summary>
    public void LiftPageCall(in Instruction call, PageCall page, HypercallSites sites)
    {
        Begin(call, Operands.AddressForm.Known);
        Value target = _b.Constant((long)page.Target.Address);
        if (call.Code == Code.Call_rm64)
        {
            _b.RaiseIf(_b.NotEqual(_o.Read(0), target), ExceptionVector.InvalidOpcode);
        }

        Value leadsThere = _b.Call(Method(typeof(Dispatch), nameof(Dispatch.LeadsTo)), _b.Cpu(), target, _b.Constant(HeadOf(page.Target)));
        _b.RaiseIf(_b.IsZero(leadsThere), ExceptionVector.InvalidOpcode);
        if (page.ExpectedNumber is { } number)
        {
            Value passed = _b.And(GetRegister(sites.NumberRegister), _b.Constant((long)sites.NumberMask));
            _b.RaiseIf(_b.NotEqual(passed, _b.Constant((long)number)), ExceptionVector.InvalidOpcode);
        }

        RaiseUnlessAccepted(page.Body);
        _b.Store(StackAddress(_b.Sub(StackPointer(), _b.Constant(sizeof(ulong)))), 64, _o.NextAddress);
        Perform(page.Body, page.Site);
        _b.Jump(_o.NextAddress);
    }

    private static unsafe long HeadOf(TranslationBlock block) => (long)block.Ops;

    private Value GetRegister(int number) => _b.Get(CpuState.GprOffset + (8 * number), 64);

    private Value[] GetRegisters(IReadOnlyList<int> numbers) => [.. numbers.Select(GetRegister)];

    /// <summary>What user code gets, tier 0 knows, and what other calls do.</summary>
    private void RaiseUnlessAccepted(HypercallBody body)
    {
        _b.RaiseIf(_b.IsNotZero(_b.Get(SystemPlaces.Cpl, 32)), ExceptionVector.InvalidOpcode);
        if (body.Accepts != null)
        {
            _b.RaiseIf(_b.IsZero(_b.Call(body.Accepts, GetRegisters(body.Examined))), ExceptionVector.InvalidOpcode);
        }
    }

    private void Perform(HypercallBody body, int site)
    {
        _b.Call(Method(typeof(HypercallSites), nameof(HypercallSites.Count)), _b.Cpu(), _b.Constant32(site));
        Value result = body.Method == null ? _b.Constant((long)body.Constant) : _b.Call(body.Method, [_b.Cpu(), .. GetRegisters(body.Arguments)]);
        _b.Set(CpuState.GprOffset + (8 * body.Result), 64, result);
        foreach ((int register, ulong value) in body.Others)
        {
            _b.Set(CpuState.GprOffset + (8 * register), 64, _b.Constant((long)value));
        }
    }
}
