namespace Jitvmm.Runtime.Interpret;

/// <summary>
/// The key of a tier-0 handler: instruction code (the decoder's number), how its memory operand is addressed,
/// prefix, and whether it must leave status flags; for a fused pair, the condition of the branch that follows.
/// </summary>
public static class HandlerForm
{
    public const int Register = 0;
    public const int BaseDisplacement = 1;
    public const int General = 2;

    /// <summary>Code of 16 or 32 bits: segments everywhere, linear addresses and the stack pointer of the mode's width. Machine guests only.</summary>
    public const int Legacy = 3;

    public const int NoPrefix = 0;
    public const int LockOrRep = 1;
    public const int Repne = 2;

    /// <summary><see cref="Legacy"/> without a memory operand: the stack is what the instruction touches.</summary>
    public const int StackOnly = 3;

    /// <summary>Not fused; fused pairs carry the branch's condition code (0–15).</summary>
    public const int NotFused = 16;

    public static int Key(int code, int addressing, int prefix, bool flags, int fusedCondition = NotFused) =>
        (code << 10) | (addressing << 8) | (prefix << 6) | (flags ? 1 << 5 : 0) | fusedCondition;
}
