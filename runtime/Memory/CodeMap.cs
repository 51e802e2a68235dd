namespace Jitvmm.Runtime.Memory;

/// <summary>Where a vCPU of a machine guest had code when it was asked: pages by linear address. What is compiled on it must look again before it goes on in another page.</summary>
public sealed class CodeMap
{
    private readonly (ulong Linear, ulong Physical)[] _pages;
    private Dictionary<ulong, ulong>? _physical;

    internal CodeMap((ulong Linear, ulong Physical)[] pages) => _pages = pages;

    /// <summary>Physical address of code at a linear address. One thread at a time.</summary>
    public bool TryFind(ulong linear, out ulong physical)
    {
        // Made by whoever compiles: most maps are asked for nothing.
        _physical ??= _pages.ToDictionary(static page => page.Linear, static page => page.Physical);
        bool isFound = _physical.TryGetValue(linear & SoftTlb.PageMask, out ulong page);
        physical = page | (linear & ~SoftTlb.PageMask);
        return isFound;
    }
}
