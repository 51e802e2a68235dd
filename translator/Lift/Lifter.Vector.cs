namespace Jitvmm.Translator.Lift;

/// <summary>The vector families, in order of how often code uses them.</summary>
public sealed partial class Lifter
{
    private bool TryVector() => TryVectorMove() || TryVectorInteger() || TryVectorShuffle() || TryMmx() || TryVectorFloat() || TryVectorConvert()
        || TryCrypto() || TryX87();

    private bool TryVectorMove() => false;

    private bool TryVectorInteger() => false;

    private bool TryVectorShuffle() => false;

    private bool TryMmx() => false;
}
