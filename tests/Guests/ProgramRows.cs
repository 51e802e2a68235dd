namespace Jitvmm.Tests.Guests;

/// <summary>What holds for several rows of a table.</summary>
internal static class ProgramRows
{
    /// <summary>These rows in the tiers given only, unless it is nightly; the rows named keep all tiers.</summary>
    public static IReadOnlyList<GuestProgram> InTiers(this IEnumerable<GuestProgram> rows, Tiers tiers, params string[] exceptions) =>
        [.. rows.Select(row => exceptions.Contains(row.Name) ? row : row with { DefaultTiers = tiers })];
}
