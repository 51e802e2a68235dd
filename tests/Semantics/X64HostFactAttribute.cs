namespace Jitvmm.Tests.Semantics;

/// <summary>A fact whose expected values come from the host CPU; skipped where that is not an x86-64 one under Linux.</summary>
public sealed class X64HostFactAttribute : FactAttribute
{
    public X64HostFactAttribute()
    {
        if (!NativeX87.IsSupported)
        {
            Skip = "the host is not x86-64 Linux, so there is no CPU to compare with";
        }
    }
}
