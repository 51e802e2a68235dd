using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.Intrinsics;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Passes;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Translator.Emit;

/// <content>Floating-point operations whose operands may change places, where there are no NaNs (see <see cref="NanFlow"/>).</content>
public sealed partial class RegionEmitter
{
    private static MethodInfo Look(string name, Type vector, int operands) =>
        typeof(NanLook).GetMethod(name, [.. Enumerable.Repeat(vector, operands)]) ?? throw new MissingMethodException(nameof(NanLook), name);

    /// <summary>Values of a block that are wanted more than once because they are looked at.</summary>
    private bool[] LookedAt(RegionBlock block)
    {
        if (!_nans.IsNeeded)
        {
            return [];
        }

        bool[] kept = new bool[block.Code.Length];
        for (int i = 0; i < kept.Length; i++)
        {
            if (_nans.Looks(block, i))
            {
                kept[i] = true;
                kept[block.Code[i].Arguments![0]] = true;
                kept[block.Code[i].Arguments![1]] = true;
            }
        }

        return kept;
    }

    private MethodInfo MethodOf(in IrInstruction op) => _nans.IsNeeded && NanFlow.IsOrdered(op) ? NanFlow.InAnyOrder(op) : op.Method!;

    /// <summary>Leaves if an operation's operands have NaNs. The comparison signals what the operation would have.</summary>
    private void LookForNans(int index)
    {
        if (!_nans.IsNeeded || !_nans.Looks(_block, index))
        {
            return;
        }

        IrInstruction op = _block.Code[index];
        Type vector = op.Method!.ReturnType;
        MethodInfo reinterpret = IlTypes.Reinterpret(vector, true)!;
        foreach (int operand in op.Arguments!.AsSpan(0, 2))
        {
            Push(operand);
            _il.Call(reinterpret, [op.Type], op.Type);
        }

        _il.Call(Look(nameof(NanLook.AnyUnordered), vector, 2), [op.Type, op.Type], IrType.I32);
        _il.BranchOn(OpCodes.Brtrue, NanExit(index));
    }

    private Label NanExit(int index) => ColdExit(GuestAddress(index), BlockExit.Nan, RegionEvent.Operand);

    /// <summary>Leaves if registers have NaNs other than the one that operations make. Nothing is signalled.</summary>
    private void BranchOnNans(NanState registers, Label nan)
    {
        foreach ((int offset, int element) in registers.Places())
        {
            Type vector = element == 64 ? typeof(Vector128<double>) : typeof(Vector128<float>);
            _registers.Get(offset, 128);
            _il.Call(IlTypes.Reinterpret(vector, true)!, [IrType.V128], IrType.V128);
            _il.Call(Look(nameof(NanLook.AnyForeign), vector, 1), [IrType.V128], IrType.I32);
            _il.BranchOn(OpCodes.Brtrue, nan);
        }
    }
}
