using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Translator.Passes;

/// <summary>How what is known of a method's arguments (see <see cref="NanFacts"/>) tells of what it returns.</summary>
/// <param name="Kind">What it does with them.</param>
/// <param name="Facts">Which facts that is about.</param>
/// <param name="Data">Which arguments.</param>
/// <param name="InAnyOrder">The method that may return either operand's NaN, for one that returns the first one's; null for others.</param>
internal sealed record NanTransfer(NanTransfer.Rule Kind, NanFacts Facts, int[] Data, MethodInfo? InAnyOrder)
{
    private static readonly ConcurrentDictionary<MethodInfo, NanTransfer> s_known = new();

    public enum Rule
    {
        /// <summary>Nothing is known of it.</summary>
        Unknown,

        /// <summary>What is known of all arguments.</summary>
        Keep,

        /// <summary>The facts themselves.</summary>
        Give,

        /// <summary>Of floats what is known of the other argument, where one is a mask; a mask, where both are.</summary>
        Select,

        /// <summary>As that, but the complement of the second argument counts.</summary>
        SelectNot,

        /// <summary>A mask where both are, or 0 where they are the same.</summary>
        Difference,
    }

    public static NanTransfer Of(MethodInfo method) => s_known.GetOrAdd(method, Find);

    private static NanTransfer Find(MethodInfo method)
    {
        MethodInfo? free = method.DeclaringType?.GetMethod(method.Name + "InAnyOrder", [.. method.GetParameters().Select(static parameter => parameter.ParameterType)]);
        (Rule kind, NanFacts facts) = RuleOf(method, method.DeclaringType);
        return new NanTransfer(kind, facts, DataOf(method), free);
    }

    /// <summary>Its vectors, or the integer that it makes one of; not what selects among them.</summary>
    private static int[] DataOf(MethodInfo method)
    {
        ParameterInfo[] parameters = method.GetParameters();
        int[] vectors = [.. parameters.Where(static parameter => parameter.ParameterType.IsGenericType).Select(static parameter => parameter.Position)];
        return vectors.Length == 0 && parameters.Length == 1 ? [0] : method.Name == nameof(PackedSelect.BlendBySign) ? vectors[..2] : vectors;
    }

    private static (Rule Kind, NanFacts Facts) RuleOf(MethodInfo method, Type? type)
    {
        NanFacts element = ElementOf(method);
        if (type == typeof(PackedFloat) || type == typeof(ScalarFloat) || type == typeof(FusedFloat) || type == typeof(FloatRound))
        {
            return (Rule.Keep, element & NanFacts.Floats);
        }

        if (type == typeof(Avx) || type == typeof(FloatCompare))
        {
            // A mask of 64-bit elements is one of 32-bit ones.
            bool isPacked = method.Name is nameof(Avx.Compare) or nameof(FloatCompare.Legacy) or nameof(FloatCompare.Extended);
            return (isPacked ? Rule.Give : Rule.Unknown, element == NanFacts.Double ? NanFacts.Masks : NanFacts.SingleMask);
        }

        if (type == typeof(PackedShuffle) || type == typeof(PackedSelect))
        {
            bool isOfHalves = method.Name is nameof(PackedShuffle.Twice) or nameof(PackedShuffle.Halves) or nameof(PackedSelect.InsertHalf) or nameof(PackedSelect.ExtractHalf) or nameof(PackedSelect.Join);
            return (Rule.Keep, isOfHalves ? NanFacts.Floats : element & NanFacts.Floats);
        }

        if (type == typeof(FloatConvert))
        {
            return method.Name switch
            {
                nameof(FloatConvert.ToSingles) => (Rule.Give, NanFacts.Single),
                nameof(FloatConvert.ToDoubles) or nameof(FloatConvert.ToDoubles256) or nameof(FloatConvert.PairToDoubles) => (Rule.Give, NanFacts.Double),
                _ => (Rule.Unknown, NanFacts.None),
            };
        }

        return type == typeof(Vector128) || type == typeof(Vector256) ? PortableRule(method) : (Rule.Unknown, NanFacts.None);
    }

    private static (Rule Kind, NanFacts Facts) PortableRule(MethodInfo method) => method.Name switch
    {
        nameof(Vector128.BitwiseAnd) => (Rule.Select, NanFacts.All),
        nameof(Vector128.AndNot) => (Rule.SelectNot, NanFacts.All),
        nameof(Vector128.BitwiseOr) => (Rule.Keep, NanFacts.Masks),
        nameof(Vector128.Xor) => (Rule.Difference, NanFacts.Masks),
        nameof(Vector128.ToVector256) => (Rule.Keep, NanFacts.All),
        nameof(Vector128.CreateScalar) or nameof(Vector128.Create) when method.GetParameters() is [var single] && ElementWidth(single.ParameterType) >= 32 =>
            (Rule.Keep, ElementWidth(single.ParameterType) == 64 ? NanFacts.All : NanFacts.Single | NanFacts.SingleMask),
        _ => (Rule.Unknown, NanFacts.None),
    };

    /// <summary>Facts that hold of elements of the first vector's type where they hold of each of those moved around.</summary>
    private static NanFacts ElementOf(MethodInfo method)
    {
        Type? vector = Array.Find(method.GetParameters(), static parameter => parameter.ParameterType.IsGenericType)?.ParameterType;
        Type? element = vector?.GetGenericArguments()[0];
        return element == typeof(float) ? NanFacts.Single
            : element == typeof(double) ? NanFacts.Double
            : element == typeof(uint) ? NanFacts.Single
            : element == typeof(ulong) ? NanFacts.Floats
            : NanFacts.None;
    }

    private static int ElementWidth(Type type) => type == typeof(ulong) ? 64 : type == typeof(uint) ? 32 : 0;
}
