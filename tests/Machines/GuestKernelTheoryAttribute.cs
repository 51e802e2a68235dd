using Jitvmm.Tests.Guests;
using Jitvmm.Tests.Tidy;

namespace Jitvmm.Tests.Machines;

/// <summary>A theory that boots kernels of <see cref="GuestKernel"/>; skipped where tests/run could not fetch one, or a program it runs is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
public class GuestKernelTheoryAttribute : TheoryAttribute
{
    private readonly string _disk = "";

    /// <param name="kernel">Name of its folder in the cache.</param>
    /// <param name="tools">Programs of the host beside busybox.</param>
    public GuestKernelTheoryAttribute(string kernel, params string[] tools)
    {
        Kernel = kernel;
        Tools = tools;
        string[] missing = [.. tools.Append("busybox").Where(tool => ToolPath.Find(tool) == null)];
        if (!File.Exists(GuestKernel.Named(kernel).Image))
        {
            Skip = $"needs {GuestKernel.Named(kernel).Image}, which tests/run unpacks from a Debian package";
        }
        else if (missing.Length > 0)
        {
            Skip = $"needs {string.Join(", ", missing)}";
        }
    }

    public string Kernel { get; }

    public string[] Tools { get; }

    /// <summary>A file of the cache that the test boots from.</summary>
    public string Disk
    {
        get => _disk;
        init
        {
            _disk = value;
            if (!File.Exists(Path.Combine(RepositoryRoot.Path, ".cache", value)))
            {
                Skip ??= $"needs .cache/{value}, which tests/run makes";
            }
        }
    }
}
