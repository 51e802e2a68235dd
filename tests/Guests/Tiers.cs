namespace Jitvmm.Tests.Guests;

/// <summary>Values of <c>--tier</c>.</summary>
[Flags]
public enum Tiers
{
    Interpreted = 1,
    Compiled = 2,
    Auto = 4,
    NotCompiled = Interpreted | Auto,
    All = Interpreted | Compiled | Auto,
}
