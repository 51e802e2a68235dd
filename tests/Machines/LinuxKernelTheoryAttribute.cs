using Jitvmm.Tests.Guests;
using Jitvmm.Tests.Tidy;

namespace Jitvmm.Tests.Machines;

/// <summary>A theory that boots Debian's cloud kernel; skipped where tests/run could not fetch it.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LinuxKernelTheoryAttribute : TheoryAttribute
{
    public LinuxKernelTheoryAttribute()
    {
        if (!File.Exists(Kernel))
        {
            Skip = $"needs {Kernel}, which tests/run unpacks from a Debian package";
        }
        else if (ToolPath.Find("busybox") == null)
        {
            Skip = "needs busybox";
        }
    }

    public static string Kernel { get; } = Path.Combine(RepositoryRoot.Path, ".cache/kernels/cloud/vmlinuz");
}
