namespace Jitvmm.Translator.Lift;

/// <summary>AES, carry-less multiplication and SHA.</summary>
public sealed partial class Lifter
{
    private bool TryCrypto() => false;
}
