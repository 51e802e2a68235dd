namespace Jitvmm.Runtime.Memory;

/// <summary>Unwinds from a callout, with nothing changed, to the vCPU loop, which runs the instruction again by itself. Never leaves the engine.</summary>
public sealed class RunAloneException : Exception;
