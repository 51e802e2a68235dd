using System.Reflection.Emit;
using System.Runtime.InteropServices;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Lift;
using Jitvmm.Translator.Passes;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Translator.Emit;

/// <content>
/// What is looked at on the way from one block to another. In a machine guest, to another page: whether the vCPU's fetches find that page where the region was made from. Into a loop: whether registers have
/// NaNs. The region is left otherwise.
/// </content>
public sealed partial class RegionEmitter
{
    /// <param name="Label">Leads to the code that looks, unless that is emitted in place.</param>
    /// <param name="To">Where it goes on.</param>
    /// <param name="Pages">Pages to look at.</param>
    /// <param name="Elsewhere">Leaves for one that is elsewhere.</param>
    /// <param name="Registers">Registers to look at.</param>
    /// <param name="Nan">Leaves for a NaN in them.</param>
    private sealed record Crossing(Label Label, Label To, (ulong Linear, ulong Physical)[] Pages, Label Elsewhere, NanState Registers, Label Nan);

    /// <summary>What is to be done on the way to a block of the region; null when that is nothing.</summary>
    private Crossing? CrossingTo(ulong target)
    {
        if (!_labels.TryGetValue(target, out Label to))
        {
            return null;
        }

        (ulong, ulong)[] pages = [.. _pageFlow.Unknown(_block.Address, target)];
        NanState registers = _nans.Unseen(_block.Address, target);
        return pages.Length == 0 && registers.IsEmpty
            ? null
            : new Crossing(
                _il.NewLabel(),
                to,
                pages,
                pages.Length > 0 ? ColdExit(target, BlockExit.Fetch, RegionEvent.Page) : default,
                registers,
                registers.IsEmpty ? default : ColdExit(target, BlockExit.Nan, RegionEvent.Operand));
    }

    private void EmitCrossings()
    {
        foreach (Crossing crossing in _crossings)
        {
            _il.Mark(crossing.Label);
            EmitCrossing(crossing);
        }
    }

    /// <summary>One branch for each page.</summary>
    private void EmitCrossing(Crossing crossing)
    {
        foreach ((ulong linear, ulong physical) in crossing.Pages)
        {
            PushDifference(linear, nameof(FetchEntry.Page), () => _il.Constant((long)linear, IrType.I64));
            PushDifference(linear, nameof(FetchEntry.Physical), () => _il.Constant((long)physical, IrType.I64));
            _il.Binary(OpCodes.Or, IrType.I64);
            PushDifference(linear, nameof(FetchEntry.Epoch), PushEpoch);
            _il.Binary(OpCodes.Or, IrType.I64);
            _il.BranchOn(OpCodes.Brtrue, crossing.Elsewhere, IrType.I64);
        }

        BranchOnNans(crossing.Registers, crossing.Nan);
        _il.Branch(crossing.To);
    }

    /// <summary>0 when a field of the page's entry is what it has to be.</summary>
    private void PushDifference(ulong linear, string field, Action pushExpected)
    {
        _registers.PushStateAddress(SystemPlaces.Fetches);
        _il.LoadIndirect(64, false);
        _il.Constant(SoftTlb.FetchOffset(linear) + Marshal.OffsetOf<FetchEntry>(field), IrType.I64);
        _il.Binary(OpCodes.Add, IrType.I64);
        _il.LoadIndirect(64, false);
        pushExpected();
        _il.Binary(OpCodes.Xor, IrType.I64);
    }

    private void PushEpoch()
    {
        _registers.PushStateAddress(SystemPlaces.FetchEpoch);
        _il.LoadIndirect(64, false);
    }
}
