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

    /// <summary>Receives all that is written; null unless somebody wants to see it.</summary>
    public IlListing? Listing { get; init; }

    /// <summary>Whether locals keep their names: not in a dynamic method, where none can be.</summary>
    public bool NamesLocals { get; init; }

    /// <summary>What is written from here on belongs to the guest instruction at an address; 0 for what belongs to none.</summary>
    public void BeginGuest(ulong address)
    {
        if (Listing != null)
        {
            Listing.Guest = address;
        }
    }

    public Label NewLabel() => il.DefineLabel();

    /// <summary>Declares a local.</summary>
    /// <param name="type">Its type.</param>
    /// <param name="name">What those who read the method see; for nobody else.</param>
    public LocalBuilder NewLocal(Type type, string name)
    {
        LocalBuilder local = il.DeclareLocal(type);
        Listing?.AddLocal(name);
        if (NamesLocals)
        {
            local.SetLocalSymInfo(name);
        }

        return local;
    }

    /// <summary>Labels are only reached with an empty stack: RyuJIT spills what is on it at a join.</summary>
    public void Mark(Label label)
    {
        ExpectEmpty();
        Listing?.AddLabel(il.ILOffset, label.Id);
        il.MarkLabel(label);
    }

    public void Constant(long value, IrType type)
    {
        if (type == IrType.I32)
        {
            Emit(OpCodes.Ldc_I4, (int)value);
        }
        else
        {
            Emit(OpCodes.Ldc_I8, value);
        }

        Push(type);
    }

    public void LoadLocal(LocalBuilder local, IrType type)
    {
        Emit(OpCodes.Ldloc, local);
        Push(type);
    }

    public void StoreLocal(LocalBuilder local, IrType type)
    {
        Pop(type);
        Emit(OpCodes.Stloc, local);
    }

    /// <summary>Pushes argument <paramref name="index"/>, a pointer (I64) or int (I32).</summary>
    public void Argument(int index, IrType type)
    {
        Emit(OpCodes.Ldarg, (short)index);
        Push(type);
    }

    public void StoreArgument(int index, IrType type)
    {
        Pop(type);
        Emit(OpCodes.Starg, (short)index);
    }

    /// <summary>Adds 1 to a counter of ours.</summary>
    public void Increment(nint counter)
    {
        Constant(counter, IrType.I64);
        ToPointer();
        Constant(counter, IrType.I64);
        LoadIndirect(64, false);
        Constant(1, IrType.I64);
        Binary(OpCodes.Add, IrType.I64);
        StoreIndirect(64, false);
    }

    /// <summary>Adds a local to a counter of ours.</summary>
    public void AddTo(nint counter, LocalBuilder local)
    {
        Constant(counter, IrType.I64);
        ToPointer();
        Constant(counter, IrType.I64);
        LoadIndirect(64, false);
        LoadLocal(local, IrType.I64);
        Binary(OpCodes.Add, IrType.I64);
        StoreIndirect(64, false);
    }

    /// <summary>a, b → result for arithmetic on two values of one type.</summary>
    public void Binary(OpCode opcode, IrType type)
    {
        Pop(type);
        Pop(type);
        Emit(opcode);
        Push(type);
    }

    /// <summary>value, I32 count → result.</summary>
    public void Shift(OpCode opcode, IrType type)
    {
        Pop(IrType.I32);
        Pop(type);
        Emit(opcode);
        Push(type);
    }

    public void Unary(OpCode opcode, IrType from, IrType to)
    {
        Pop(from);
        Emit(opcode);
        Push(to);
    }

    /// <summary>a, b → I32 0 or 1.</summary>
    public void Compare(OpCode opcode, IrType type)
    {
        Pop(type);
        Pop(type);
        Emit(opcode);
        Push(IrType.I32);
    }

    public void Branch(Label target)
    {
        ExpectEmpty();
        Emit(OpCodes.Br, target);
    }

    /// <summary>Jumps when the I32 on the stack is not 0 (<see cref="OpCodes.Brtrue"/>) or is 0 (<see cref="OpCodes.Brfalse"/>).</summary>
    public void BranchOn(OpCode opcode, Label target, IrType type = IrType.I32)
    {
        Pop(type);
        ExpectEmpty();
        Emit(opcode, target);
    }

    public void BranchCompare(OpCode opcode, Label target, IrType type)
    {
        Pop(type);
        Pop(type);
        ExpectEmpty();
        Emit(opcode, target);
    }

    public void Switch(Label[] labels)
    {
        Pop(IrType.I32);
        Emit(OpCodes.Switch, labels);
    }

    /// <summary>host address → value. Volatile, so that RyuJIT neither moves nor merges guest accesses.</summary>
    public void LoadIndirect(int width, bool isVolatile)
    {
        ToPointer();
        Pop(IrType.I64);
        Prefix(isVolatile);
        switch (width)
        {
            case 8:
                Emit(OpCodes.Ldind_U1);
                break;
            case 16:
                Emit(OpCodes.Ldind_U2);
                break;
            case 32:
                Emit(OpCodes.Ldind_U4);
                break;
            case 64:
                Emit(OpCodes.Ldind_I8);
                break;
            default:
                Emit(OpCodes.Ldobj, IlTypes.OfWidth(width));
                break;
        }

        Push(IrBuilder.TypeOf(width));
    }

    /// <summary>
    /// Integer → address, which ECMA-335 tells apart (III.1.1.1) and a host of 64 bits does not: RyuJIT makes nothing of it. What is loaded is converted where it is; an address that
    /// a value is stored to, or that a method gets, must have been.
    /// </summary>
    public void ToPointer()
    {
        Pop(IrType.I64);
        Emit(OpCodes.Conv_U);
        Push(IrType.I64);
    }

    /// <summary>Address → integer.</summary>
    public void ToInteger()
    {
        Pop(IrType.I64);
        Emit(OpCodes.Conv_U8);
        Push(IrType.I64);
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
                Emit(OpCodes.Stind_I1);
                break;
            case 16:
                Emit(OpCodes.Stind_I2);
                break;
            case 32:
                Emit(OpCodes.Stind_I4);
                break;
            case 64:
                Emit(OpCodes.Stind_I8);
                break;
            default:
                Emit(OpCodes.Stobj, IlTypes.OfWidth(width));
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
        Emit(OpCodes.Conv_U);
        Emit(OpCodes.Tailcall);
        Listing?.Add(il.ILOffset, OpCodes.Calli, "int32(int64, int64, int64)");
        il.EmitCalli(OpCodes.Calli, CallingConventions.Standard, typeof(int), [typeof(long), typeof(long), typeof(long)], null);
        Emit(OpCodes.Ret);
    }

    /// <summary>Calls a static method whose arguments are on the stack.</summary>
    public void Call(MethodInfo method, ReadOnlySpan<IrType> arguments, IrType result)
    {
        for (int i = arguments.Length - 1; i >= 0; i--)
        {
            Pop(arguments[i]);
        }

        Emit(OpCodes.Call, method);
        if (result != IrType.None)
        {
            Push(result);
        }
    }

    public void Return()
    {
        Pop(IrType.I32);
        ExpectEmpty();
        Emit(OpCodes.Ret);
    }

    private void Emit(OpCode opcode)
    {
        Listing?.Add(il.ILOffset, opcode);
        il.Emit(opcode);
    }

    private void Emit(OpCode opcode, byte value)
    {
        Listing?.Add(il.ILOffset, opcode, IlListing.Text(value));
        il.Emit(opcode, value);
    }

    private void Emit(OpCode opcode, short argument)
    {
        Listing?.Add(il.ILOffset, opcode, IlListing.Text(argument));
        il.Emit(opcode, argument);
    }

    private void Emit(OpCode opcode, int value)
    {
        Listing?.Add(il.ILOffset, opcode, IlListing.Text(value));
        il.Emit(opcode, value);
    }

    private void Emit(OpCode opcode, long value)
    {
        Listing?.Add(il.ILOffset, opcode, IlListing.Text(value));
        il.Emit(opcode, value);
    }

    private void Emit(OpCode opcode, LocalBuilder local)
    {
        Listing?.Add(il.ILOffset, opcode, IlListing.Text(local));
        il.Emit(opcode, local);
    }

    private void Emit(OpCode opcode, Label label)
    {
        Listing?.Add(il.ILOffset, opcode, IlListing.Text(label));
        il.Emit(opcode, label);
    }

    private void Emit(OpCode opcode, Label[] labels)
    {
        Listing?.Add(il.ILOffset, opcode, string.Join(", ", labels.Select(IlListing.Text)));
        il.Emit(opcode, labels);
    }

    private void Emit(OpCode opcode, Type type)
    {
        Listing?.Add(il.ILOffset, opcode, type.ToString());
        il.Emit(opcode, type);
    }

    private void Emit(OpCode opcode, MethodInfo method)
    {
        Listing?.Add(il.ILOffset, opcode, $"{method.DeclaringType!.Name}.{method.Name}");
        il.Emit(opcode, method);
    }

    private void Prefix(bool isVolatile)
    {
        if (isVolatile)
        {
            Emit(OpCodes.Unaligned, (byte)1);
            Emit(OpCodes.Volatile);
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
