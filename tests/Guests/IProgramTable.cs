namespace Jitvmm.Tests.Guests;

/// <summary>Rows of one area; each area is a test class of its own, so that two run at a time.</summary>
public interface IProgramTable
{
    static abstract IReadOnlyList<GuestProgram> Programs { get; }
}
