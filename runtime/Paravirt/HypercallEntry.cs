namespace Jitvmm.Runtime.Paravirt;

/// <summary>The hypercall instruction in a <see cref="HypercallPage"/>, which is where the page is called.</summary>
/// <param name="Site">Its number in the registry.</param>
/// <param name="Address">Where it was when last decoded: its linear address in 64-bit code.</param>
/// <param name="Physical">Where that is in guest RAM.</param>
public sealed record HypercallEntry(int Site, ulong Address, ulong Physical);
