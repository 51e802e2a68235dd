using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Passes;

/// <summary>Status flags that are needed behind some place in a region.</summary>
/// <param name="Variables">In their variables, by its own code.</param>
/// <param name="Exits">Where it is left. What they come from will do as well: <see cref="IrOpcode.DeferFlags"/>.</param>
public readonly record struct FlagDemand(StatusFlags Variables, StatusFlags Exits)
{
    public static readonly FlagDemand None;

    /// <summary>All flags, for whatever comes behind the region.</summary>
    public static readonly FlagDemand Exit = new(StatusFlags.None, StatusFlags.All);

    public StatusFlags All => Variables | Exits;

    /// <summary>At a place where the region may be left, too, for code that reads <paramref name="flags"/> besides.</summary>
    public FlagDemand AtExit(StatusFlags flags = StatusFlags.None) => this with { Exits = All | flags };

    /// <summary>Before a write to a flag's variable: those of the others must hold flags from here on.</summary>
    public FlagDemand BeforeWrite(StatusFlags flag) => new(All & ~flag, StatusFlags.None);

    public static FlagDemand operator |(FlagDemand left, FlagDemand right) => new(left.Variables | right.Variables, left.Exits | right.Exits);
}
