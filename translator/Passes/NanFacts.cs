namespace Jitvmm.Translator.Passes;

/// <summary>What is known of every element of a value, with a view to what operations do that meet two NaNs.</summary>
[Flags]
internal enum NanFacts : byte
{
    None = 0,

    /// <summary>Of its elements as 32-bit floats none is a NaN, unless it is the one that invalid operations give.</summary>
    Single = 1,

    /// <summary>The same of 64-bit floats.</summary>
    Double = 2,

    /// <summary>Each 32 bits are all 0, or all 1.</summary>
    SingleMask = 4,

    /// <summary>Each 64 bits are.</summary>
    DoubleMask = 8,

    Floats = Single | Double,
    Masks = SingleMask | DoubleMask,

    /// <summary>What is known of 0.</summary>
    All = Floats | Masks,
}
