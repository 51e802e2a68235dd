namespace Jitvmm.Inspector.Symbols;

/// <summary>A name for guest code.</summary>
/// <param name="Address">Where it starts.</param>
/// <param name="Size">Its bytes; 0 when nobody says, and then it goes on to the next symbol.</param>
/// <param name="Name">As the file has it.</param>
public readonly record struct GuestSymbol(ulong Address, ulong Size, string Name);
