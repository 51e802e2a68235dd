namespace Jitvmm.Perf.Micro;

/// <summary>What runs a loop, and how its accesses are checked.</summary>
public enum GuestMode
{
    /// <summary>Tier 0.</summary>
    Interpreted,

    /// <summary>Tier 1; the host's pages check.</summary>
    Compiled,

    /// <summary>Tier 1, with checks in the code.</summary>
    CompiledChecked,
}
