using System.Numerics;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Translator.Passes;

/// <summary>Facts of the vector registers, four bits each: of their lower halves, and of their upper ones.</summary>
/// <param name="Lower">Of bits 0 to 127.</param>
/// <param name="Upper">Of bits 128 to 255.</param>
internal readonly record struct NanState(ulong Lower, ulong Upper) : IBitwiseOperators<NanState, NanState, NanState>
{
    public static readonly NanState All = new(ulong.MaxValue, ulong.MaxValue);

    /// <summary>Every register's facts about floats.</summary>
    public static readonly NanState Floats = new(0x3333_3333_3333_3333, 0x3333_3333_3333_3333);

    public bool IsEmpty => (Lower | Upper) == 0;

    public static NanState operator &(NanState left, NanState right) => new(left.Lower & right.Lower, left.Upper & right.Upper);

    public static NanState operator |(NanState left, NanState right) => new(left.Lower | right.Lower, left.Upper | right.Upper);

    public static NanState operator ^(NanState left, NanState right) => new(left.Lower ^ right.Lower, left.Upper ^ right.Upper);

    public static NanState operator ~(NanState value) => new(~value.Lower, ~value.Upper);

    /// <summary>Whether an offset in the CPU state is in a vector register.</summary>
    public static bool IsVector(int offset) => offset is >= CpuState.VectorOffset and < CpuState.VectorOffset + (32 * 16);

    /// <summary>The number of the vector register there.</summary>
    public static int RegisterAt(int offset) => (offset - CpuState.VectorOffset) / 32;

    /// <summary>The facts, of the halves that a place takes in whole or in part.</summary>
    public static NanState Of(int offset, int width, NanFacts facts)
    {
        int place = offset - CpuState.VectorOffset;
        ulong bits = (ulong)facts << (4 * (place / 32));
        return new NanState(place % 32 < 16 ? bits : 0, place % 32 >= 16 || width == 256 ? bits : 0);
    }

    /// <summary>What is known of a place.</summary>
    public NanFacts At(int offset, int width)
    {
        int place = offset - CpuState.VectorOffset;
        ulong lower = place % 32 < 16 ? Lower : ulong.MaxValue;
        ulong upper = place % 32 >= 16 || width == 256 ? Upper : ulong.MaxValue;
        NanFacts facts = (NanFacts)((lower & upper) >> (4 * (place / 32)) & 15);

        // A part of a 64-bit element says nothing of one.
        return width < 64 ? facts & (NanFacts.Single | NanFacts.SingleMask) : facts;
    }

    /// <summary>What is among these of any half that a place takes in.</summary>
    public NanFacts AnyAt(int offset, int width)
    {
        int place = offset - CpuState.VectorOffset;
        ulong lower = place % 32 < 16 ? Lower : 0;
        ulong upper = place % 32 >= 16 || width == 256 ? Upper : 0;
        return (NanFacts)((lower | upper) >> (4 * (place / 32)) & 15);
    }

    /// <summary>The halves of registers about whose floats there is a fact, with the width of these.</summary>
    public IEnumerable<(int Offset, int Element)> Places()
    {
        for (int register = 0; register < 16; register++)
        {
            for (int half = 0; half < 2; half++)
            {
                NanFacts facts = (NanFacts)((half == 0 ? Lower : Upper) >> (4 * register) & 15);
                int offset = CpuState.VectorOffset + (32 * register) + (16 * half);
                if ((facts & NanFacts.Single) != 0)
                {
                    yield return (offset, 32);
                }

                if ((facts & NanFacts.Double) != 0)
                {
                    yield return (offset, 64);
                }
            }
        }
    }
}
