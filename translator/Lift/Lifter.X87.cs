namespace Jitvmm.Translator.Lift;

/// <summary>The x87 unit.</summary>
public sealed partial class Lifter
{
    private bool TryX87() => false;
}
