using System.Reflection.Emit;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Passes;

namespace Jitvmm.Translator.Emit;

/// <content>What the status flags come from, where nothing but ways out of the region wants to know.</content>
public sealed partial class RegionEmitter
{
    /// <summary>
    /// The flags come from an operation. Blocks that follow find it in locals; ways out of this block alone are told apart, so that what is hardly ever taken costs nothing.
    /// </summary>
    private void DeferFlags(int index)
    {
        IrInstruction op = _block.Code[index];
        bool hasCarry = _block.Code[op.C].Opcode != IrOpcode.Constant;
        if (AreWantedBehind(index))
        {
            _pendingFlags = null;
            _deferred!.Keep(op, () => Push(op.A), () => Push(op.B), hasCarry ? () => Push(op.C) : null);
            return;
        }

        bool isLogic = op.Immediate >> 3 == (long)FlagOperation.Logic;
        _pendingFlags = new PendingFlags(op.Immediate, PutAside(op.A), isLogic ? default : PutAside(op.B), hasCarry ? PutAside(op.C) : default);
    }

    /// <summary>Whether what an operation leaves is still there at the block's end, and a block of the region may leave with it.</summary>
    private bool AreWantedBehind(int index)
    {
        for (int i = index + 1; i < _block.Code.Length; i++)
        {
            ref readonly IrInstruction op = ref _block.Code[i];
            if (_block.Used[i] > 0 && (op.Opcode == IrOpcode.DeferFlags || (op.Opcode == IrOpcode.Set && DeadCode.FlagOf(op.State) != StatusFlags.None)))
            {
                return false;
            }
        }

        foreach (int successor in _graph.SuccessorsOf(_graph.IndexOf(_block.Address)))
        {
            if (_blocks[successor].FlagsIn.Exits != StatusFlags.None)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>An operand as it is now.</summary>
    private (LocalBuilder? Local, long Constant) PutAside(int operand)
    {
        ref readonly IrInstruction op = ref _block.Code[operand];
        if (op.Opcode == IrOpcode.Constant)
        {
            return (null, op.Immediate);
        }

        if (_values[operand] == null)
        {
            EmitValue(operand);
            Keep(operand);
        }

        return (_values[operand], 0);
    }

    /// <summary>Before a way out that is not apart.</summary>
    private void KeepPendingFlags()
    {
        if (_pendingFlags != null)
        {
            _deferred!.Keep(_pendingFlags);
        }
    }
}
