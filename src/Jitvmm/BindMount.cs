namespace Jitvmm;

/// <summary>A host file or folder the guest sees at a place of its own.</summary>
/// <param name="Source">Host path.</param>
/// <param name="Target">Absolute guest path.</param>
/// <param name="IsReadOnly">Whether the guest may only read it.</param>
public sealed record BindMount(string Source, string Target, bool IsReadOnly = false);
