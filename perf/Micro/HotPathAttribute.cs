namespace Jitvmm.Perf.Micro;

/// <summary>A benchmark whose path guests take millions of times: it may not allocate, which the gate checks.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class HotPathAttribute : Attribute;
