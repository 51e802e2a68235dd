using System.Reflection;
using System.Reflection.Emit;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Translator.Emit;

/// <summary>The locals of a region that hold what its status flags come from, until it is left (see <see cref="DeferredFlags"/>).</summary>
public sealed class DeferredFlagLocals
{
    private static readonly MethodInfo s_compute = typeof(DeferredFlags).GetMethod(nameof(DeferredFlags.Compute))!;
    private static readonly MethodInfo s_computeSum = typeof(DeferredFlags).GetMethod(nameof(DeferredFlags.ComputeSum))!;
    private static readonly MethodInfo s_computeDifference = typeof(DeferredFlags).GetMethod(nameof(DeferredFlags.ComputeDifference))!;
    private static readonly MethodInfo s_computeLogic = typeof(DeferredFlags).GetMethod(nameof(DeferredFlags.ComputeLogic))!;

    private readonly IlWriter _il;
    private readonly LocalBuilder _code;
    private readonly LocalBuilder _a;
    private readonly LocalBuilder _b;

    public DeferredFlagLocals(IlWriter il)
    {
        _il = il;
        _code = il.NewLocal(typeof(int), "flagsOf");
        _a = il.NewLocal(typeof(ulong), "flagsOfA");
        _b = il.NewLocal(typeof(ulong), "flagsOfB");
    }

    /// <summary>Whether a block defers flags.</summary>
    public static bool AreNeeded(RegionBlock block)
    {
        for (int i = 0; i < block.Code.Length; i++)
        {
            if (block.Used[i] > 0 && block.Code[i].Opcode == IrOpcode.DeferFlags)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The flags come from an operation.</summary>
    /// <param name="op">A <see cref="IrOpcode.DeferFlags"/>.</param>
    /// <param name="pushA">Its first operand.</param>
    /// <param name="pushB">Its second operand.</param>
    /// <param name="pushCarry">Its third operand; null if that is 0.</param>
    public void Keep(in IrInstruction op, Action pushA, Action pushB, Action? pushCarry)
    {
        pushA();
        _il.StoreLocal(_a, IrType.I64);
        if (op.Immediate >> 3 != (long)FlagOperation.Logic)
        {
            pushB();
            _il.StoreLocal(_b, IrType.I64);
        }

        _il.Constant(op.Immediate, IrType.I32);
        if (pushCarry != null)
        {
            pushCarry();
            _il.Binary(OpCodes.Add, IrType.I32);
        }

        _il.StoreLocal(_code, IrType.I32);
    }

    /// <summary>The same, of an operation whose operands were put aside.</summary>
    public void Keep(PendingFlags pending)
    {
        PushOperand(pending.A, IrType.I64);
        _il.StoreLocal(_a, IrType.I64);
        PushOperand(pending.B, IrType.I64);
        _il.StoreLocal(_b, IrType.I64);
        _il.Constant(pending.Code, IrType.I32);
        if (pending.Carry.Local != null)
        {
            PushOperand(pending.Carry, IrType.I32);
            _il.Binary(OpCodes.Add, IrType.I32);
        }

        _il.StoreLocal(_code, IrType.I32);
    }

    private void PushOperand((LocalBuilder? Local, long Constant) operand, IrType type)
    {
        if (operand.Local is { } local)
        {
            _il.LoadLocal(local, type);
        }
        else
        {
            _il.Constant(operand.Constant, type);
        }
    }

    /// <summary>The flags are in their variables.</summary>
    public void Forget()
    {
        _il.Constant(0, IrType.I32);
        _il.StoreLocal(_code, IrType.I32);
    }

    /// <summary>Computes them in line, where it is known and simple enough what they come from.</summary>
    /// <param name="code">Of <see cref="DeferredFlags.CodeOf"/>.</param>
    /// <returns>False if it is not.</returns>
    public bool TryComputeInline(int code)
    {
        MethodInfo? method = code < 0 ? null : (FlagOperation)(code >> 3) switch
        {
            FlagOperation.Add => s_computeSum,
            FlagOperation.Subtract => s_computeDifference,
            FlagOperation.Logic => s_computeLogic,
            _ => null,
        };
        if (method == null)
        {
            return code == 0;
        }

        _il.Argument(0, IrType.I64);
        _il.ToPointer();
        _il.Constant(64 - (8 << (code >> 1 & 3)), IrType.I32);
        _il.LoadLocal(_a, IrType.I64);
        _il.LoadLocal(code >> 3 == (int)FlagOperation.Logic ? _a : _b, IrType.I64);
        _il.Call(method, [IrType.I64, IrType.I32, IrType.I64, IrType.I64], IrType.None);
        return true;
    }

    /// <summary>Computes them and pushes the address of the CPU state; or goes to <paramref name="none"/>, if they are in their variables.</summary>
    public void Compute(Label none)
    {
        _il.LoadLocal(_code, IrType.I32);
        _il.BranchOn(OpCodes.Brfalse, none);
        _il.Argument(0, IrType.I64);
        _il.ToPointer();
        _il.LoadLocal(_code, IrType.I32);
        _il.LoadLocal(_a, IrType.I64);
        _il.LoadLocal(_b, IrType.I64);
        _il.Call(s_compute, [IrType.I64, IrType.I32, IrType.I64, IrType.I64], IrType.I64);
        _il.ToInteger();
    }
}
