namespace Jitvmm.Tests.Machines;

/// <summary>A <see cref="GuestKernelTheoryAttribute"/> that takes minutes; its method has the trait <c>Run=Nightly</c> too.</summary>
public sealed class NightlyKernelTheoryAttribute : GuestKernelTheoryAttribute
{
    /// <inheritdoc cref="GuestKernelTheoryAttribute(string, string[])"/>
    public NightlyKernelTheoryAttribute(string kernel, params string[] tools)
        : base(kernel, tools)
    {
        if (Environment.GetEnvironmentVariable("JITVMM_NIGHTLY") != "1")
        {
            Skip ??= "for tests/run --nightly";
        }
    }
}
