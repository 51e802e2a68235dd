namespace Jitvmm.Tests.Differential;

/// <summary>Tests that make an <c>AddressSpace</c>: its window is half of what a process may map, so they take turns.</summary>
[CollectionDefinition(Name)]
public sealed class GuestMemoryCollection
{
    public const string Name = "Guest memory";
}
