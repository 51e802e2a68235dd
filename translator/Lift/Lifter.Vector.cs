using System.Reflection;
using System.Runtime.Intrinsics;
using Iced.Intel;
using Jitvmm.Runtime.Execution;
using Jitvmm.Translator.Decode;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>
/// What the vector families share: operands, and the two ways of writing a register. A legacy SSE instruction
/// keeps the register's bits above 127; a VEX one clears them (SDM vol. 1, 14.1.3). Vector registers are read at
/// any width from bit 0 and always written at 128 or 256 bits.
/// </summary>
public sealed partial class Lifter
{
    private bool TryVector() => UsesMmx ? TryMmx() || TryVectorConvert() : TryVectorFamilies();

    private bool TryVectorFamilies() => TryVectorMove() || TryVectorInteger() || TryVectorShuffle() || TryVectorMemory() || TryTextCompare()
        || TryVectorFloat() || TryVectorConvert() || TryCrypto() || TryX87();

    private bool IsVex => CodeFacts.IsVex(_i.Code);

    /// <summary>Operand number of the first source: a VEX instruction names it, a legacy one takes its destination.</summary>
    private int FirstSource => IsVex ? 1 : 0;

    /// <summary>The bits of a source operand of 128 or 256 bits. A legacy memory operand of 128 bits must be aligned.</summary>
    private Value ReadVector(int operand)
    {
        int width = _o.Width(operand);
        if (_o.IsMemory(operand) && width == 128 && !IsVex)
        {
            RequireAlignment(width);
        }

        return _o.Read(operand, width);
    }

    /// <summary>The low <paramref name="width"/> bits (8 to 64) of a vector register, or a memory operand of that width, as an integer.</summary>
    private Value ReadScalar(int operand, int width) => _o.Read(operand, width);

    /// <summary>Writes the vector register <paramref name="operand"/>: <paramref name="value"/> is V128 or V256.</summary>
    private void WriteVector(int operand, Value value)
    {
        StateRef register = _o.Register(operand);
        if (value.Type == IrType.V256)
        {
            _b.Set(register, 256, value);
        }
        else if (IsVex)
        {
            _b.Set(register, 256, ClearAbove(value));
        }
        else
        {
            _b.Set(register, 128, value);
        }
    }

    /// <summary>A V128 extended with zeros to 256 bits.</summary>
    private Value ClearAbove(Value value) => CallVector(typeof(Vector128), nameof(Vector128.ToVector256), 128, typeof(byte), value);

    /// <summary>An integer as the lowest element of a V128 that is 0 above.</summary>
    private Value FromScalar(Value value) => _b.Call(value.Type == IrType.I32 ? s_fromScalar32 : s_fromScalar64, value);

    /// <summary>The lowest 32 or 64 bits of a V128.</summary>
    private Value LowScalar(Value value, int width) =>
        CallVector(typeof(Vector128), nameof(Vector128.ToScalar), 128, width == 32 ? typeof(uint) : typeof(ulong), value);

    /// <summary>Raises #GP when the memory operand is not a multiple of <paramref name="width"/> bits.</summary>
    private void RequireAlignment(int width) =>
        _b.RaiseIf(_b.Truncate(_b.Mask(_o.Address(), (width / 8) - 1)), ExceptionVector.GeneralProtection);

    /// <summary>Calls <see cref="VectorMethod"/>.</summary>
    private Value CallVector(Type type, string name, int width, Type element, params ReadOnlySpan<Value> arguments) =>
        _b.Call(VectorMethod(type, name, width, element), arguments);

    /// <summary>
    /// A method by its first parameter: a vector of <paramref name="width"/> bits with the given elements. For
    /// <see cref="Vector128"/> at 256 bits it is that of <see cref="Vector256"/>.
    /// </summary>
    private static MethodInfo VectorMethod(Type type, string name, int width, Type element)
    {
        Type owner = type == typeof(Vector128) && width == 256 ? typeof(Vector256) : type;
        Type vector = width == 256 ? typeof(Vector256<>) : typeof(Vector128<>);
        foreach (MethodInfo method in owner.GetMethods(BindingFlags.Public | BindingFlags.Static))
        {
            if (method.Name != name || !Array.TrueForAll(method.GetParameters(), p => p.Position > 0 && !method.IsGenericMethod || IsVector(p.ParameterType, vector)))
            {
                continue;
            }

            if (method.IsGenericMethodDefinition)
            {
                return method.MakeGenericMethod(element);
            }

            if (method.GetParameters()[0].ParameterType.GetGenericArguments()[0] == element)
            {
                return method;
            }
        }

        throw new MissingMethodException(owner.Name, $"{name} on {width} bits of {element.Name}");
    }

    private static bool IsVector(Type type, Type vector) => type.IsGenericType && type.GetGenericTypeDefinition() == vector;

    private static readonly MethodInfo s_fromScalar32 = typeof(Vector128).GetMethod(nameof(Vector128.CreateScalar), [typeof(uint)])!;
    private static readonly MethodInfo s_fromScalar64 = typeof(Vector128).GetMethod(nameof(Vector128.CreateScalar), [typeof(ulong)])!;
}
