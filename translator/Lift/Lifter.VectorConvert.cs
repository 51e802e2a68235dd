namespace Jitvmm.Translator.Lift;

/// <summary>Conversions between vector integers and floating-point formats.</summary>
public sealed partial class Lifter
{
    private bool TryVectorConvert() => false;
}
