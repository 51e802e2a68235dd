namespace Jitvmm.Tests.Guests;

/// <summary>What a run left behind. A death by signal n is status 128 + n.</summary>
public sealed record ProgramOutcome(int Status, byte[] Output, byte[] Errors, bool TimedOut, SortedDictionary<string, string> Files);
