using System.Reflection.Emit;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Lift;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Translator.Emit;

/// <content>Computed jumps, calls and returns.</content>
public sealed partial class RegionEmitter
{
    /// <summary>A computed jump with more targets goes through a table.</summary>
    private const int MaxComparedTargets = 3;

    /// <summary>A computed jump: a return compares against the return sites of the region's calls, others with targets seen; then it leaves.</summary>
    private void EmitIndirect(in IrInstruction op, int index)
    {
        Push(op.A);
        _il.StoreLocal(_rip, IrType.I64);
        if ((IndirectKind)op.Immediate == IndirectKind.Return)
        {
            foreach (RegionBlock caller in _blocks)
            {
                if (caller.ReturnSite != 0 && _labels.ContainsKey(caller.ReturnSite))
                {
                    BranchIfAt(caller.ReturnSite, Target(caller.ReturnSite));
                }
            }

            if (_access != RegionAccess.Paged)
            {
                LeaveReturnOutOfWindow(index);
            }
        }
        else
        {
            EmitComputedTargets();
        }

        Count(RegionEvent.Indirect, GuestAddress(index));
        KeepPendingFlags();
        _il.Branch(LeaveHere(BlockExit.Lookup));
        _ended = true;
    }

    /// <summary>Goes on at RIP if tier 0 saw that target and the region has it.</summary>
    private void EmitComputedTargets()
    {
        ulong[] targets = [.. _block.ComputedTargets];
        if (targets.Length <= MaxComparedTargets || TargetTable.TryMake(targets) is not { } table)
        {
            foreach (ulong target in targets)
            {
                BranchIfAt(target, Target(target));
            }

            return;
        }

        Label none = _il.NewLabel();
        Label[] cases = Array.ConvertAll(table.Slots, slot => slot == TargetTable.Empty ? none : _il.NewLabel());
        _il.LoadLocal(_rip, IrType.I64);
        _il.Constant((long)table.Multiplier, IrType.I64);
        _il.Binary(OpCodes.Mul, IrType.I64);
        _il.Constant(table.Shift, IrType.I32);
        _il.Shift(OpCodes.Shr_Un, IrType.I64);
        _il.Unary(OpCodes.Conv_I4, IrType.I64, IrType.I32);
        _il.Switch(cases);
        _il.Branch(none);
        for (int i = 0; i < cases.Length; i++)
        {
            if (table.Slots[i] != TargetTable.Empty)
            {
                _il.Mark(cases[i]);
                BranchIfAt(table.Slots[i], Target(table.Slots[i]));
                _il.Branch(none);
            }
        }

        _il.Mark(none);
    }

    private void BranchIfAt(ulong address, Label target)
    {
        _il.LoadLocal(_rip, IrType.I64);
        _il.Constant((long)address, IrType.I64);
        _il.BranchCompare(OpCodes.Beq, target, IrType.I64);
    }

    /// <summary>A return that no code can answer is tier 0's, before it pops: it may have to raise #GP at the return itself.</summary>
    private void LeaveReturnOutOfWindow(int index)
    {
        Label inside = _il.NewLabel();
        _il.LoadLocal(_rip, IrType.I64);
        _il.Constant((long)AddressSpace.Limit, IrType.I64);
        _il.BranchCompare(OpCodes.Blt_Un, inside, IrType.I64);
        Iced.Intel.Instruction instruction = _block.Instructions[_block.Code[index].Guest];
        int stackPointer = Operands.OffsetOf(Iced.Intel.Register.RSP);
        int popped = 8 + (instruction.Code == Iced.Intel.Code.Retnq_imm16 ? instruction.Immediate16 : 0);
        _registers.Set(stackPointer, 64, () =>
        {
            _registers.Get(stackPointer, 64);
            _il.Constant(popped, IrType.I64);
            _il.Binary(OpCodes.Sub, IrType.I64);
        });
        Count(RegionEvent.Operand, instruction.IP);
        SetExit(instruction.IP, BlockExit.Interpret);
        KeepPendingFlags();
        _il.Branch(LeaveHere(BlockExit.Interpret));
        _il.Mark(inside);
    }
}
