using System.Diagnostics;
using System.Reflection;
using System.Reflection.Emit;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Emit;

/// <summary>
/// Writes IL and, in Debug builds, follows the evaluation stack: an operation that finds the wrong types throws
/// where it is written instead of failing in the JIT. Release builds only write.
/// </summary>
public sealed class IlWriter(ILGenerator il)
{
#if DEBUG
    private readonly Stack<IrType> _stack = new();
#endif

    public Label NewLabel() => il.DefineLabel();

    public LocalBuilder NewLocal(Type type) => il.DeclareLocal(type);

    /// <summary>Labels are only reached with an empty stack: RyuJIT spills what is on it at a join.</summary>
    public void Mark(Label label)
    {
        ExpectEmpty();
        il.MarkLabel(label);
    }

    public void Constant(long value, IrType type)
    {
        if (type == IrType.I32)
        {
            il.Emit(OpCodes.Ldc_I4, (int)value);
        }
        else
        {
            il.Emit(OpCodes.Ldc_I8, value);
        }

        Push(type);
    }

    public void LoadLocal(LocalBuilder local, IrType type)
    {
        il.Emit(OpCodes.Ldloc, local);
        Push(type);
    }

    public void StoreLocal(LocalBuilder local, IrType type)
    {
        Pop(type);
        il.Emit(OpCodes.Stloc, local);
    }

    /// <summary>Pushes argument <paramref name="index"/>, a pointer (I64) or int (I32).</summary>
    public void Argument(int index, IrType type)
    {
        il.Emit(OpCodes.Ldarg, (short)index);
        Push(type);
    }

    public void StoreArgument(int index, IrType type)
    {
        Pop(type);
        il.Emit(OpCodes.Starg, (short)index);
    }

    /// <summary>a, b → result for arithmetic on two values of one type.</summary>
    public void Binary(OpCode opcode, IrType type)
    {
        Pop(type);
        Pop(type);
        il.Emit(opcode);
        Push(type);
    }

    /// <summary>value, I32 count → result.</summary>
    public void Shift(OpCode opcode, IrType type)
    {
        Pop(IrType.I32);
        Pop(type);
        il.Emit(opcode);
        Push(type);
    }

    public void Unary(OpCode opcode, IrType from, IrType to)
    {
        Pop(from);
        il.Emit(opcode);
        Push(to);
    }

    /// <summary>a, b → I32 0 or 1.</summary>
    public void Compare(OpCode opcode, IrType type)
    {
        Pop(type);
        Pop(type);
        il.Emit(opcode);
        Push(IrType.I32);
    }

    public void Branch(Label target)
    {
        ExpectEmpty();
        il.Emit(OpCodes.Br, target);
    }

    /// <summary>Jumps when the I32 on the stack is not 0 (<see cref="OpCodes.Brtrue"/>) or is 0 (<see cref="OpCodes.Brfalse"/>).</summary>
    public void BranchOn(OpCode opcode, Label target, IrType type = IrType.I32)
    {
        Pop(type);
        ExpectEmpty();
        il.Emit(opcode, target);
    }

    public void BranchCompare(OpCode opcode, Label target, IrType type)
    {
        Pop(type);
        Pop(type);
        ExpectEmpty();
        il.Emit(opcode, target);
    }

    public void Switch(Label[] labels)
    {
        Pop(IrType.I32);
        il.Emit(OpCodes.Switch, labels);
    }

    /// <summary>host address → value. Volatile, so that RyuJIT neither moves nor merges guest accesses.</summary>
    public void LoadIndirect(int width, bool isVolatile)
    {
        Pop(IrType.I64);
        Prefix(isVolatile);
        switch (width)
        {
            case 8:
                il.Emit(OpCodes.Ldind_U1);
                break;
            case 16:
                il.Emit(OpCodes.Ldind_U2);
                break;
            case 32:
                il.Emit(OpCodes.Ldind_U4);
                break;
            case 64:
                il.Emit(OpCodes.Ldind_I8);
                break;
            default:
                il.Emit(OpCodes.Ldobj, IlTypes.OfWidth(width));
                break;
        }

        Push(IrBuilder.TypeOf(width));
    }

    /// <summary>host address, value → .</summary>
    public void StoreIndirect(int width, bool isVolatile)
    {
        Pop(IrBuilder.TypeOf(width));
        Pop(IrType.I64);
        Prefix(isVolatile);
        switch (width)
        {
            case 8:
                il.Emit(OpCodes.Stind_I1);
                break;
            case 16:
                il.Emit(OpCodes.Stind_I2);
                break;
            case 32:
                il.Emit(OpCodes.Stind_I4);
                break;
            case 64:
                il.Emit(OpCodes.Stind_I8);
                break;
            default:
                il.Emit(OpCodes.Stobj, IlTypes.OfWidth(width));
                break;
        }
    }

    /// <summary>Ends by jumping to code of the signature of a tier-0 handler: (state, record, memory, address of the code) → nothing.</summary>
    public void JumpToHandler()
    {
        Pop(IrType.I64);
        Pop(IrType.I64);
        Pop(IrType.I64);
        Pop(IrType.I64);
        ExpectEmpty();
        il.Emit(OpCodes.Tailcall);
        il.EmitCalli(OpCodes.Calli, CallingConventions.Standard, typeof(int), [typeof(nint), typeof(nint), typeof(nint)], null);
        il.Emit(OpCodes.Ret);
    }

    /// <summary>Calls a static method whose arguments are on the stack.</summary>
    public void Call(MethodInfo method, ReadOnlySpan<IrType> arguments, IrType result)
    {
        for (int i = arguments.Length - 1; i >= 0; i--)
        {
            Pop(arguments[i]);
        }

        il.Emit(OpCodes.Call, method);
        if (result != IrType.None)
        {
            Push(result);
        }
    }

    public void Return()
    {
        Pop(IrType.I32);
        ExpectEmpty();
        il.Emit(OpCodes.Ret);
    }

    private void Prefix(bool isVolatile)
    {
        if (isVolatile)
        {
            il.Emit(OpCodes.Unaligned, (byte)1);
            il.Emit(OpCodes.Volatile);
        }
    }

    [Conditional("DEBUG")]
    private void Push(IrType type)
    {
#if DEBUG
        _stack.Push(type);
#endif
    }

    [Conditional("DEBUG")]
    private void Pop(IrType expected)
    {
#if DEBUG
        if (_stack.Count == 0 || _stack.Pop() is var found && found != expected)
        {
            throw new InvalidOperationException($"IL stack: expected {expected}.");
        }
#endif
    }

    [Conditional("DEBUG")]
    private void ExpectEmpty()
    {
#if DEBUG
        if (_stack.Count != 0)
        {
            throw new InvalidOperationException($"IL stack: {_stack.Count} values left at a jump or label.");
        }
#endif
    }
}
