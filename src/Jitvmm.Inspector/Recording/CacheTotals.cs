namespace Jitvmm.Inspector.Recording;

/// <summary>Sums of what was recorded, since the guest's program began.</summary>
/// <param name="Interpreted">Guest instructions that tier 0 executed.</param>
/// <param name="Compiled">Guest instructions that compiled code executed.</param>
/// <param name="Exits">Times generated code was left.</param>
/// <param name="Translations">Blocks translated.</param>
/// <param name="Invalidations">Blocks thrown away because their code changed.</param>
/// <param name="Regions">Regions compiled.</param>
/// <param name="CacheBytes">What translations take now of the limit that is set.</param>
public readonly record struct CacheTotals(double Interpreted, double Compiled, double Exits, long Translations, long Invalidations, int Regions, long CacheBytes);
