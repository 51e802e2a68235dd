namespace Jitvmm.Devices.Platform;

/// <param name="Path">A folder of the host.</param>
/// <param name="Tag">The name the guest mounts it by.</param>
/// <param name="IsReadOnly">The guest cannot change it.</param>
public sealed record ShareConfiguration(string Path, string Tag, bool IsReadOnly = false);
