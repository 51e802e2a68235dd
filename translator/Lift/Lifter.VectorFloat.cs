namespace Jitvmm.Translator.Lift;

/// <summary>SSE, AVX and FMA floating-point arithmetic and comparison.</summary>
public sealed partial class Lifter
{
    private bool TryVectorFloat() => false;
}
