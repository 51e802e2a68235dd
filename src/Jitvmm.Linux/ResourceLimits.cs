using System.Runtime.InteropServices;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Linux;

/// <summary>A soft and a hard limit (struct rlimit64).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct ResourceLimit
{
    public ulong Soft;
    public ulong Hard;
}

/// <summary>
/// The guest's resource limits. Those on time, core and file size are the host process's own; those that count
/// what the VMM uses too (memory, descriptors) are kept here and enforced by what they limit.
/// </summary>
public sealed unsafe class ResourceLimits
{
    public const int Cpu = 0;
    public const int Data = 2;
    public const int Stack = 3;
    public const int Files = 7;
    public const int LockedMemory = 8;
    public const int AddressSpace = 9;
    public const int Count = 16;

    private const long SysPrlimit = 302;

    private readonly ResourceLimit[] _limits = new ResourceLimit[Count];

    /// <summary>Starts with the host's.</summary>
    public ResourceLimits()
    {
        for (int i = 0; i < Count; i++)
        {
            ResourceLimit limit;
            _ = HostCalls.Raw(SysPrlimit, 0, (ulong)i, 0, (ulong)&limit);
            _limits[i] = limit;
        }
    }

    public ResourceLimit this[int resource] => _limits[resource];

    /// <summary>Changes one; 0 or a negated error.</summary>
    internal int Set(int resource, ResourceLimit limit, LinuxProcess process)
    {
        if (limit.Soft > limit.Hard)
        {
            return -Errno.EINVAL;
        }

        bool isVirtual = resource is Data or Stack or Files or AddressSpace or LockedMemory;
        if (isVirtual)
        {
            if (limit.Hard > _limits[resource].Hard && (uint)HostCalls.Raw(107) != 0)
            {
                return -Errno.EPERM;
            }

            if (resource == Files && limit.Hard > Linux.Files.FileTable.MaximumLimit)
            {
                return -Errno.EPERM;
            }
        }
        else
        {
            long result = HostCalls.Raw(SysPrlimit, 0, (ulong)resource, (ulong)&limit);
            if (result < 0)
            {
                return (int)result;
            }
        }

        _limits[resource] = limit;
        switch (resource)
        {
            case AddressSpace:
                process.Map.AddressSpaceLimit = limit.Soft;
                break;
            case Data:
                process.Map.DataLimit = limit.Soft;
                break;
            case Files:
                process.Files.Table.Limit = (int)Math.Min(limit.Soft, Linux.Files.FileTable.MaximumLimit);
                break;
        }

        return 0;
    }
}
