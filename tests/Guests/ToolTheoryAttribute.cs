namespace Jitvmm.Tests.Guests;

/// <summary>A theory that is skipped where a program it runs, or another file it needs, is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ToolTheoryAttribute : TheoryAttribute
{
    public ToolTheoryAttribute(params string[] tools)
    {
        Tools = tools;
        Skip = new ToolFactAttribute(tools).Skip;
    }

    public string[] Tools { get; }
}
