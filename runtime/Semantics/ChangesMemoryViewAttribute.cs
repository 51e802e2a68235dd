namespace Jitvmm.Runtime.Semantics;

/// <summary>A method after which <see cref="Cpu.CpuState.MemoryBase"/> may be another: handlers that go on read it again.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ChangesMemoryViewAttribute : Attribute;
