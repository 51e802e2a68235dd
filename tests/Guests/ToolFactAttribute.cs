namespace Jitvmm.Tests.Guests;

/// <summary>A test that is skipped where a program it runs, or another file it needs, is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ToolFactAttribute : FactAttribute
{
    public ToolFactAttribute(params string[] tools)
    {
        Tools = tools;
        string[] missing = [.. tools.Where(tool => ToolPath.Find(tool) == null)];
        if (missing.Length > 0)
        {
            Skip = $"needs {string.Join(", ", missing)}";
        }
    }

    public string[] Tools { get; }
}
