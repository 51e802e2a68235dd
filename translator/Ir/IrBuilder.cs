using System.Reflection;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;

namespace Jitvmm.Translator.Ir;

/// <summary>
/// Appends operations to one straight-line block. Folds what is constant at once, and remembers which
/// comparison set the flags, so that a condition becomes one compare instead of six flag computations.
/// </summary>
public sealed partial class IrBuilder
{
    private IrInstruction[] _code = new IrInstruction[64];
    private int _count;

    public ReadOnlySpan<IrInstruction> Code => _code.AsSpan(0, _count);

    public int Count => _count;

    /// <summary>Index of the guest instruction the next operations belong to.</summary>
    public int Guest { get; set; }

    public void Clear()
    {
        Array.Clear(_code, 0, _count);
        _count = 0;
        Guest = 0;
        ForgetFlags();
    }

    public ref IrInstruction this[Value value] => ref _code[value.Id];

    public Value Constant(long value, IrType type = IrType.I64) =>
        Append(new IrInstruction { Opcode = IrOpcode.Constant, Type = type, Immediate = type == IrType.I32 ? (int)value : value });

    public Value Constant32(int value) => Constant(value, IrType.I32);

    public Value Field(OpField field, IrType type = IrType.I64) =>
        Append(new IrInstruction { Opcode = IrOpcode.Field, Type = type, Immediate = (long)field });

    public Value Cpu() => Append(new IrInstruction { Opcode = IrOpcode.Cpu, Type = IrType.I64 });

    public Value Get(StateRef state, int width) =>
        Append(new IrInstruction { Opcode = IrOpcode.Get, Type = TypeOf(width), Width = (ushort)width, State = state });

    public Value Get(int offset, int width) => Get(new StateRef(offset), width);

    public void Set(StateRef state, int width, Value value) =>
        Append(new IrInstruction { Opcode = IrOpcode.Set, Width = (ushort)width, State = state, A = value.Id });

    public void Set(int offset, int width, Value value) => Set(new StateRef(offset), width, value);

    public Value Load(Value address, int width) =>
        Append(new IrInstruction { Opcode = IrOpcode.Load, Type = TypeOf(width), Width = (ushort)width, A = address.Id });

    public void Store(Value address, int width, Value value)
    {
        for (int i = Count - 1; i > address.Id; i--)
        {
            if (_code[i].Opcode == IrOpcode.Load && _code[i].A == address.Id)
            {
                _code[i].Immediate = 1;
            }
        }

        Append(new IrInstruction { Opcode = IrOpcode.Store, Width = (ushort)width, A = address.Id, B = value.Id });
    }

    public Value Pointer(Value address, int bytes, bool writable) =>
        Append(new IrInstruction { Opcode = IrOpcode.Pointer, Type = IrType.I64, Width = (ushort)(writable ? 1 : 0), A = address.Id, Immediate = bytes });

    public Value Add(Value a, Value b)
    {
        if (IsConstant(a, out long x) && IsConstant(b, out long y))
        {
            return Constant(x + y, a.Type);
        }

        return IsConstant(b, out y) && y == 0 ? a : Binary(IrOpcode.Add, a, b);
    }

    public Value Sub(Value a, Value b) => Binary(IrOpcode.Sub, a, b);

    public Value Mul(Value a, Value b) => Binary(IrOpcode.Mul, a, b);

    public Value And(Value a, Value b) => Binary(IrOpcode.And, a, b);

    public Value Or(Value a, Value b) => Binary(IrOpcode.Or, a, b);

    public Value Xor(Value a, Value b) => Binary(IrOpcode.Xor, a, b);

    public Value Mask(Value a, long mask) => And(a, Constant(mask, a.Type));

    public Value ShiftLeft(Value a, Value count) => Binary(IrOpcode.ShiftLeft, a, count);

    public Value ShiftLeft(Value a, int count) => count == 0 ? a : Binary(IrOpcode.ShiftLeft, a, Constant32(count));

    public Value ShiftRight(Value a, Value count) => Binary(IrOpcode.ShiftRight, a, count);

    public Value ShiftRight(Value a, int count) => count == 0 ? a : Binary(IrOpcode.ShiftRight, a, Constant32(count));

    public Value ShiftRightSigned(Value a, Value count) => Binary(IrOpcode.ShiftRightSigned, a, count);

    public Value ShiftRightSigned(Value a, int count) => count == 0 ? a : Binary(IrOpcode.ShiftRightSigned, a, Constant32(count));

    public Value Negate(Value a) => Unary(IrOpcode.Negate, a, a.Type);

    public Value Not(Value a) => Unary(IrOpcode.Not, a, a.Type);

    public Value Truncate(Value a) => a.Type == IrType.I32 ? a : Unary(IrOpcode.Truncate, a, IrType.I32);

    public Value ZeroExtend(Value a) => a.Type == IrType.I64 ? a : Unary(IrOpcode.ZeroExtend, a, IrType.I64);

    public Value SignExtend(Value a) => a.Type == IrType.I64 ? a : Unary(IrOpcode.SignExtend, a, IrType.I64);

    public Value SignExtendIn(Value a, int width)
    {
        if (width >= 32)
        {
            return a;
        }

        Value result = Unary(IrOpcode.SignExtendIn, a, IrType.I32);
        _code[result.Id].Width = (ushort)width;
        return result;
    }

    /// <summary>The low <paramref name="width"/> bits of a value, as the type that holds such a width.</summary>
    public Value Narrow(Value a, int width) => width switch
    {
        64 => ZeroExtend(a),
        32 => Truncate(a),
        _ => Mask(Truncate(a), (1 << width) - 1),
    };

    /// <summary>A value of <paramref name="width"/> bits, sign-extended to 64.</summary>
    public Value SignExtendFrom(Value a, int width) => SignExtend(SignExtendIn(a, width));

    public Value Equal(Value a, Value b) => Compare(IrOpcode.Equal, a, b);

    public Value NotEqual(Value a, Value b) => Compare(IrOpcode.NotEqual, a, b);

    public Value LessUnsigned(Value a, Value b) => Compare(IrOpcode.LessUnsigned, a, b);

    public Value LessSigned(Value a, Value b) => Compare(IrOpcode.LessSigned, a, b);

    public Value LessEqualUnsigned(Value a, Value b) => Compare(IrOpcode.LessEqualUnsigned, a, b);

    public Value LessEqualSigned(Value a, Value b) => Compare(IrOpcode.LessEqualSigned, a, b);

    public Value IsZero(Value a) => Equal(a, Constant(0, a.Type));

    public Value IsNotZero(Value a) => NotEqual(a, Constant(0, a.Type));

    public Value Select(Value condition, Value whenTrue, Value whenFalse)
    {
        if (IsConstant(condition, out long known))
        {
            return known != 0 ? whenTrue : whenFalse;
        }

        return Append(new IrInstruction { Opcode = IrOpcode.Select, Type = whenTrue.Type, A = condition.Id, B = whenTrue.Id, C = whenFalse.Id });
    }

    /// <summary>Calls a static method whose parameter types match the arguments (I32 ↔ int/uint, I64 ↔ long/ulong/pointer, V128 ↔ Vector128).</summary>
    public Value Call(MethodInfo method, params ReadOnlySpan<Value> arguments)
    {
        int[] ids = new int[arguments.Length];
        for (int i = 0; i < ids.Length; i++)
        {
            ids[i] = arguments[i].Id;
        }

        return Append(new IrInstruction { Opcode = IrOpcode.Call, Type = TypeOf(method.ReturnType), Method = method, Arguments = ids });
    }

    public void RaiseIf(Value condition, ExceptionVector vector) =>
        Append(new IrInstruction { Opcode = IrOpcode.RaiseIf, A = condition.Id, Immediate = (long)vector });

    public void Jump(Value target) => Append(new IrInstruction { Opcode = IrOpcode.Jump, A = target.Id });

    public void Branch(Value condition, Value taken, Value fallThrough) =>
        Append(new IrInstruction { Opcode = IrOpcode.Branch, A = condition.Id, B = taken.Id, C = fallThrough.Id });

    public void JumpIndirect(Value target, IndirectKind kind) =>
        Append(new IrInstruction { Opcode = IrOpcode.JumpIndirect, A = target.Id, Immediate = (long)kind });

    public void Exit(BlockExit exit, Value rip) =>
        Append(new IrInstruction { Opcode = IrOpcode.Exit, A = rip.Id, Immediate = (long)exit });

    /// <summary>Ends the block in a method that sets RIP itself and returns a <see cref="BlockExit"/>; arguments as for <see cref="Call"/>.</summary>
    public void ExitCall(MethodInfo method, params ReadOnlySpan<Value> arguments)
    {
        Value call = Call(method, arguments);
        _code[call.Id].Opcode = IrOpcode.ExitCall;
        _code[call.Id].Type = IrType.None;
    }

    public bool IsConstant(Value value, out long constant)
    {
        ref IrInstruction code = ref _code[value.Id];
        constant = code.Immediate;
        return code.Opcode == IrOpcode.Constant;
    }

    public static IrType TypeOf(int width) => width switch
    {
        <= 32 => IrType.I32,
        64 => IrType.I64,
        128 => IrType.V128,
        256 => IrType.V256,
        _ => throw new ArgumentOutOfRangeException(nameof(width)),
    };

    public static IrType TypeOf(Type type)
    {
        if (type == typeof(void))
        {
            return IrType.None;
        }

        if (type.IsEnum)
        {
            return TypeOf(Enum.GetUnderlyingType(type));
        }

        if (type == typeof(int) || type == typeof(uint) || type == typeof(bool) || type == typeof(byte) || type == typeof(sbyte) || type == typeof(short) || type == typeof(ushort))
        {
            return IrType.I32;
        }

        if (type.IsGenericType)
        {
            return type.Name[..9] == "Vector128" ? IrType.V128 : type.Name[..8] == "Vector64" ? IrType.V64 : IrType.V256;
        }

        return IrType.I64;
    }

    private Value Unary(IrOpcode opcode, Value a, IrType type) => Append(new IrInstruction { Opcode = opcode, Type = type, A = a.Id });

    private Value Binary(IrOpcode opcode, Value a, Value b) => IsConstant(a, out long x) && IsConstant(b, out long y)
        ? Constant(Fold(opcode, x, y, a.Type), a.Type)
        : Append(new IrInstruction { Opcode = opcode, Type = a.Type, A = a.Id, B = b.Id });

    private static long Fold(IrOpcode opcode, long a, long b, IrType type)
    {
        bool wide = type == IrType.I64;
        int count = (int)b & (wide ? 63 : 31);
        return opcode switch
        {
            IrOpcode.Add => a + b,
            IrOpcode.Sub => a - b,
            IrOpcode.Mul => a * b,
            IrOpcode.And => a & b,
            IrOpcode.Or => a | b,
            IrOpcode.Xor => a ^ b,
            IrOpcode.ShiftLeft => wide ? a << count : (int)a << count,
            IrOpcode.ShiftRight => wide ? (long)((ulong)a >> count) : (int)((uint)a >> count),
            IrOpcode.ShiftRightSigned => wide ? a >> count : (int)a >> count,
            _ => throw new ArgumentOutOfRangeException(nameof(opcode)),
        };
    }

    private Value Compare(IrOpcode opcode, Value a, Value b) => opcode is IrOpcode.Equal or IrOpcode.NotEqual && IsConstant(a, out long x) && IsConstant(b, out long y)
        ? Constant32((x == y) == (opcode == IrOpcode.Equal) ? 1 : 0)
        : Append(new IrInstruction { Opcode = opcode, Type = IrType.I32, A = a.Id, B = b.Id });

    private Value Append(IrInstruction instruction)
    {
        if (_count == _code.Length)
        {
            Array.Resize(ref _code, _count * 2);
        }

        instruction.Guest = Guest;
        _code[_count] = instruction;
        return new Value(_count++, instruction.Type);
    }
}
