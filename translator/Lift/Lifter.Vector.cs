namespace Jitvmm.Translator.Lift;

/// <summary>The vector families, in order of how often code uses them.</summary>
public sealed partial class Lifter
{
    private bool TryVector() => false;
}
