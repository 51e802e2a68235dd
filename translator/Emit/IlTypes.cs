using System.Reflection;
using System.Runtime.Intrinsics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Emit;

/// <summary>.NET types of IR values, and the reinterpretations between vector element types.</summary>
public static class IlTypes
{
    private static readonly MethodInfo s_as64 = Generic(typeof(Vector64), nameof(Vector64.As));
    private static readonly MethodInfo s_as128 = Generic(typeof(Vector128), nameof(Vector128.As));
    private static readonly MethodInfo s_as256 = Generic(typeof(Vector256), nameof(Vector256.As));

    public static readonly MethodInfo Lower = Generic(typeof(Vector256), nameof(Vector256.GetLower)).MakeGenericMethod(typeof(byte));
    public static readonly MethodInfo Upper = Generic(typeof(Vector256), nameof(Vector256.GetUpper)).MakeGenericMethod(typeof(byte));
    public static readonly MethodInfo WithLower = Generic(typeof(Vector256), nameof(Vector256.WithLower)).MakeGenericMethod(typeof(byte));
    public static readonly MethodInfo WithUpper = Generic(typeof(Vector256), nameof(Vector256.WithUpper)).MakeGenericMethod(typeof(byte));

    public static Type Of(IrType type) => type switch
    {
        IrType.I32 => typeof(uint),
        IrType.I64 => typeof(ulong),
        IrType.V64 => typeof(Vector64<byte>),
        IrType.V128 => typeof(Vector128<byte>),
        IrType.V256 => typeof(Vector256<byte>),
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    /// <summary>Whether a parameter or result is an address, which is no integer to IL.</summary>
    public static bool IsAddress(Type type) => type.IsPointer || type == typeof(nint) || type == typeof(nuint);

    public static Type OfWidth(int width) => Of(IrBuilder.TypeOf(width));

    /// <summary>The no-op from a vector of one element type to another, or null when none is needed.</summary>
    public static MethodInfo? Reinterpret(Type vector, bool fromBytes)
    {
        Type element = vector.GetGenericArguments()[0];
        if (element == typeof(byte))
        {
            return null;
        }

        Type definition = vector.GetGenericTypeDefinition();
        MethodInfo method = definition == typeof(Vector64<>) ? s_as64 : definition == typeof(Vector128<>) ? s_as128 : s_as256;
        return fromBytes ? method.MakeGenericMethod(typeof(byte), element) : method.MakeGenericMethod(element, typeof(byte));
    }

    /// <summary>Vector128&lt;T&gt;.GetElement / WithElement for T = uint or ulong, for partial accesses to a register.</summary>
    public static MethodInfo Element(string name, Type element) => Generic(typeof(Vector128), name).MakeGenericMethod(element);

    private static MethodInfo Generic(Type type, string name)
    {
        foreach (MethodInfo method in type.GetMethods(BindingFlags.Public | BindingFlags.Static))
        {
            if (method.Name == name && method.IsGenericMethodDefinition)
            {
                return method;
            }
        }

        throw new MissingMethodException(type.Name, name);
    }
}
