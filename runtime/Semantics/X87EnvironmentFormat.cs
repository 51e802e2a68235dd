namespace Jitvmm.Runtime.Semantics;

/// <summary>
/// Layouts of the x87 environment in memory (SDM vol. 1, 8.1.10). 64-bit mode and virtual-8086 mode's callers pick by the
/// rules there: 64-bit mode uses the protected ones.
/// </summary>
public enum X87EnvironmentFormat
{
    Protected16,
    Protected32,
    Real16,
    Real32,
}
