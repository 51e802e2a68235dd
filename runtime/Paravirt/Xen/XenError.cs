namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>What hypercalls return when they fail (xen/include/public/errno.h), negated.</summary>
internal static class XenError
{
    public const long NotPermitted = -1;
    public const long NoEntry = -2;
    public const long NoProcess = -3;
    public const long TooBig = -7;
    public const long NoMemory = -12;
    public const long Fault = -14;
    public const long Busy = -16;
    public const long Exists = -17;
    public const long Invalid = -22;
    public const long NoSpace = -28;
    public const long NotImplemented = -38;
    public const long NoData = -61;
    public const long TimerExpired = -62;
}
