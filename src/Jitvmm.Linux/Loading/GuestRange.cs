namespace Jitvmm.Linux.Loading;

/// <summary>A range of guest addresses.</summary>
public readonly record struct GuestRange(ulong Start, ulong Length)
{
    /// <summary>First address past it.</summary>
    public ulong End => Start + Length;
}
