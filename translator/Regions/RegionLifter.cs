using Iced.Intel;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Translator.Decode;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Lift;

namespace Jitvmm.Translator.Regions;

/// <summary>Lifts blocks of a region that are decoded already. It looks at nothing but them, so that what was compiled once can be lifted again elsewhere.</summary>
public sealed class RegionLifter
{
    private readonly IrBuilder _builder = new();
    private readonly Lifter _lifter;
    private readonly bool _isMachine;
    private readonly ParavirtualInterface? _paravirtual;

    /// <param name="isMachine">Whether the guest is a machine.</param>
    /// <param name="paravirtual">What its hypercalls mean; null when it has nobody to call.</param>
    public RegionLifter(bool isMachine, ParavirtualInterface? paravirtual)
    {
        _lifter = new Lifter(_builder);
        _isMachine = isMachine;
        _paravirtual = paravirtual;
    }

    /// <summary>Lifts a block; null when it cannot be compiled.</summary>
    /// <param name="source">The block.</param>
    /// <param name="instructions">Its instructions, at least one.</param>
    /// <param name="mode">Of the region's head.</param>
    /// <param name="pageCall">What its last instruction calls, if that is the hypercall page.</param>
    /// <param name="checksFloat">Whether unmasked floating-point exceptions are looked for.</param>
    public RegionBlock? Lift(TranslationBlock source, Instruction[] instructions, CodeMode mode, PageCall? pageCall, bool checksFloat)
    {
        RegionBlock block = new() { Source = source, Instructions = instructions, PageCall = pageCall };
        _builder.Clear();
        for (int i = 0; i < instructions.Length; i++)
        {
            _builder.Guest = i;
            if (mode != CodeMode.Long && GuardPlan.IsGuarded(mode, InstructionUnits.Of(block.Instructions[i])))
            {
                // Tier 0 asks whether the guest may have the instruction's unit now.
                _builder.RaiseIf(_builder.Constant32(1), Runtime.Execution.ExceptionVector.DeviceNotAvailable);
                break;
            }

            if (block.PageCall is { } call && i == instructions.Length - 1)
            {
                _lifter.LiftPageCall(block.Instructions[i], call, _paravirtual!.Sites);
            }
            else if (_paravirtual != null && Lifter.IsHypercall(block.Instructions[i].Code))
            {
                _lifter.LiftHypercall(_paravirtual, SiteOf(source, block.Instructions[i].IP), HypercallNumber.Before(block.Instructions, i, _paravirtual.Sites.NumberRegister));
            }
            else if (!_lifter.TryLift(block.Instructions[i]))
            {
                // #UD: tier 0 raises it.
                _builder.RaiseIf(_builder.Constant32(1), Runtime.Execution.ExceptionVector.InvalidOpcode);
                break;
            }

            if (checksFloat && _lifter.RaisesFloatExceptions)
            {
                return null;
            }
        }

        block.Code = _builder.Code.ToArray();
        block.EndsInTierZero = Array.Exists(block.Code, op => TierZero.Executes(op, _isMachine));
        FindSuccessors(block);
        return block;
    }

    private int SiteOf(TranslationBlock block, ulong address) => _paravirtual!.Sites.IndexOf(block.Location.Physical + (address - block.Address));

    private static void FindSuccessors(RegionBlock block)
    {
        ref readonly Instruction last = ref block.Instructions[^1];
        switch (Lifter.FlowOf(last))
        {
            case FlowControl.Call or FlowControl.IndirectCall when block.PageCall != null:
                block.Successors.Add(last.NextIP);
                break;
            case FlowControl.ConditionalBranch:
                block.Successors.Add(last.NextIP);
                block.Successors.Add(last.NearBranchTarget);
                break;
            case FlowControl.UnconditionalBranch:
                block.Successors.Add(last.NearBranchTarget);
                break;
            case FlowControl.Call when last.Mnemonic == Mnemonic.Call:
                block.Successors.Add(last.NearBranchTarget);
                block.Successors.Add(last.NextIP);
                block.ReturnSite = last.NextIP;
                break;
            case FlowControl.IndirectCall:
                block.Successors.Add(last.NextIP);
                block.ReturnSite = last.NextIP;
                break;
            case FlowControl.Next:
                block.Successors.Add(block.Next);
                break;
        }
    }

    /// <summary>Finds where branches go back to.</summary>
    public static void MarkLoopHeads(List<RegionBlock> blocks, Dictionary<ulong, RegionBlock> chosen)
    {
        foreach (RegionBlock block in blocks)
        {
            foreach (ulong successor in block.Successors)
            {
                if (successor <= block.Instructions[^1].IP && successor != block.ReturnSite && chosen.TryGetValue(successor, out RegionBlock? target))
                {
                    target.IsLoopHead = true;
                }
            }
        }
    }
}
