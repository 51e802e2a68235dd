using Jitvmm.Runtime.Host;

namespace Jitvmm.Linux;

/// <summary>The user and group ids a thread has, which are its host thread's.</summary>
public readonly record struct Credentials(uint RealUser, uint EffectiveUser, uint RealGroup, uint EffectiveGroup)
{
    /// <summary>The calling thread's.</summary>
    public static Credentials Current() => new(
        (uint)HostCalls.Raw(102), (uint)HostCalls.Raw(107), (uint)HostCalls.Raw(104), (uint)HostCalls.Raw(108));
}
