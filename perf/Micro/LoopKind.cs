namespace Jitvmm.Perf.Micro;

/// <summary>What the region's loop is about that passes are measured on.</summary>
public enum LoopKind
{
    /// <summary>Whole numbers and memory.</summary>
    Integers,

    /// <summary>Packed doubles.</summary>
    Floats,
}
