namespace Jitvmm.Runtime.Semantics;

/// <summary>
/// A callout that compiled code calls itself instead of leaving to tier 0: it cannot fail, touches no register, and changes neither privilege
/// nor how code is decoded.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RunsInRegionsAttribute : Attribute;
